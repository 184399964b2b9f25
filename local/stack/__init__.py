"""`make up`, `make demo` and `make down`: options, plan, artifact, supervisor."""
