"""The token broker: a caller's JWT in, a narrow Transloadit bearer token or a signature out.

A request goes one way through these rooms. Each knows only those below it:

    http_api  iam_api  token_function  assembly_function  notification_api    the entry points, one for each source
    messages     batches of SQS messages, each answered by itself
    wiring       the only place that makes the parts, and the clients among them
    early        the first work of a start, while the rest is imported
    response     the outcome on the wire
    exchange     the story, in order: identify, decide, obtain or sign or make
    answering    one outcome and one audit record for each request
    assembly     Assemblies that the broker makes itself, once for each event
    signing      what is signed for a caller, by whose secret
    token        a bearer token for a grant, from a cache or newly minted
    decision     what the policy gives to a caller for a request
    caller       the proof becomes a caller, or is refused
    request      what was sent becomes a request, its proof not yet trusted
    policy       the compiled trust policy
    aws          Secrets Manager, DynamoDB, CloudWatch
    base         errors, deadlines, the network, records, values
"""

__version__ = "0.1.0"
