"""The bearer token: whether a new one is needed, the making of one, and where tokens are kept."""
