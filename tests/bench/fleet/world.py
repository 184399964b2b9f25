"""What the environments of a fleet share: the table over HTTP, api2, Secrets Manager, each some way off, each may fail."""
