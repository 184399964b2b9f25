"""The token broker: a caller's JWT in, a narrow Transloadit bearer token out.

A request goes one way through these modules; each knows only those below it:

    http_api                    the entry point for API Gateway's events
    wiring                      the only place that makes clients
    exchange                    the story, in order: identify, decide, obtain, record
    request  caller  policy  minting  response      the steps
    keys  credentials  cache  budget  transloadit  secretsmanager  cloudwatch  audit     what the steps use
    jwt  jwk  conditions  flight  net  strict_json  deadline  settings  errors      the ground
"""
