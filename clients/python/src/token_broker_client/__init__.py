"""Bearer tokens of a Transloadit Token Broker, for Python programs.

Each module knows only those below it:

    provider    what a program holds in its hands
    auth        the token on requests of httpx and requests
    kept        the token that is kept, and when it is renewed
    exchange    one exchange: an identity in, a token out
    refusal     what an answer without a token means, and what to do
    variables    the broker and the identity that the environment names
    identities  aws  keys    where the caller's JWT comes from
    proof       how a request proves its caller
    wire        one HTTP request
    origins     to whom the identity and the token may be sent
    errors      the one error
"""

from token_broker_client.aws import iam, sts
from token_broker_client.errors import TokenError
from token_broker_client.identities import command, environment, file, github
from token_broker_client.keys import private_key
from token_broker_client.provider import TokenProvider

__version__ = "0.1.0"
__all__ = [
    "TokenError",
    "TokenProvider",
    "command",
    "environment",
    "file",
    "github",
    "iam",
    "private_key",
    "sts",
]
