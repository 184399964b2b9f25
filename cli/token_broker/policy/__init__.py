"""The trust policy at build time: YAML in, checked and compiled JSON out."""
