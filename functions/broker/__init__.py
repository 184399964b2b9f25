"""The token broker: a caller's JWT in, a narrow Transloadit bearer token out.

A request goes one way through these modules; each knows only those below it:

    http_api  iam_api  token_function    the entry points, one for each event source
    wiring                      the only place that makes clients
    response                    what came of it, on the wire
    exchange                    the story, in order: identify, decide, obtain, record
    iam  invoke  verifier  replay  obtain  mint  shared_cache  bearer      the steps
    policy  caller  request  proof      what they hand on
    keys  credentials  cache  sealing  budget  transloadit  cloudwatch    what they use
    policy_model    the compiled policy
    progress  audit    what travels with a request, and what is recorded of it
    secretsmanager  dynamodb    what the function calls of AWS
    aws                         by boto3, which this module alone imports
    event  jwt  jwk  weak_keys  conditions  flight  net  invocation    the ground
    connections    what net keeps open
    encoding  deadline  settings  values  errors    what the ground stands on
"""

__version__ = "0.1.0"
