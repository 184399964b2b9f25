"""The identity behind a proof: a verified JWT, an IAM principal, or the permission to invoke."""
