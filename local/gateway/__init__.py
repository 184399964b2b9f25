"""API Gateway's HTTP API: what the template says of it, requests as events, answers of functions as responses."""
