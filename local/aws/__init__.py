"""AWS for the stack: one account, its SigV4, the translated template, and the services that moto stands in for."""
