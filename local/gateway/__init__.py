"""API Gateway's HTTP API: the template's routes, requests turned into events, function answers into responses."""
