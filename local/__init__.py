"""The stack on one machine: what AWS, Transloadit and an identity provider are in production. Tests use the same parts.

Each folder knows only those below it:

    stack                       the commands, and the supervisor that starts all parts
    gateway  sandbox  issuer    API Gateway's HTTP API; Transloadit's API2; an identity provider
    emulator                    Lambda: a pool of environments that run the built artifact; the polling of queues
    aws                         the account, SigV4, roles, the translated template, and moto for the services
    loopback                    ports, processes, and the guards against pages from elsewhere
    bootstrap  command  node    .venv and the SAM CLI; options and lines of the commands; Node, where there is one

`bootstrap.py` makes .venv, so it runs on an older Python with nothing installed.
"""
