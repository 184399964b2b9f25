"""Bearer tokens of a Transloadit Token Broker, for Python programs.

errors      the one error
origins     whom the identity and the token may be sent to
wire        one HTTP request
proof       how a request proves its caller
identities, aws, keys    where the caller's JWT comes from
environment    the broker and the identity that variables name
refusal     what an answer without a token means, and what to do
exchange    one exchange: an identity in, a token out
kept        the token that is kept, and when it is renewed
auth        the token on requests of httpx and requests
provider    all of it together
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
