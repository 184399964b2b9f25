"""Identities of an AWS role: a JWT by STS, or a request signed by SigV4. Both need boto3 (the extra `aws`)."""

import os
import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from token_broker_client.errors import TokenError
from token_broker_client.proof import Jwt, Request
from token_broker_client.wire import FORM

_EXECUTE_API = re.compile(r"https://[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?")


def sts(audience: str | None = None) -> Jwt:
    """The JWT that STS signs for the AWS role of this program, good for five minutes.

    `audience` is the broker's URL if left out.
    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html
    """
    return Jwt("STS", _ask_sts, audience)


def _ask_sts(audience: str) -> str:
    boto3, errors = _load("sts()")
    try:
        # Without a Region boto3 asks the global endpoint of STS, which does not have this call.
        session = boto3.Session()
        client = session.client("sts", region_name=_region(session))
        answer = client.get_web_identity_token(Audience=[audience], SigningAlgorithm="RS256", DurationSeconds=300)
    except errors.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "an error"))
        # Else a token that lives would not be used until STS is well again.
        if code.startswith("Throttling") or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
            raise TokenError("unreachable", f"STS is busy: {code}; try again") from None
        advice = " (an administrator turns it on for the account)" if code.startswith("OutboundWeb") else ""
        raise TokenError("bad_identity", f"STS refuses GetWebIdentityToken: {code}{advice}") from None
    except errors.NoCredentialsError:
        raise TokenError("bad_identity", "there are no AWS credentials here; sts() needs a role") from None
    except (errors.ConnectionError, errors.HTTPClientError) as error:
        raise TokenError("unreachable", f"STS cannot be reached: {type(error).__name__}") from None
    except (errors.BotoCoreError, AttributeError) as error:
        raise TokenError("bad_identity", f"STS cannot be asked ({type(error).__name__}); is boto3 recent?") from None
    return str(answer["WebIdentityToken"])


def iam(region: str | None = None) -> "Iam":
    """The AWS role of this program, by a signed request (SigV4) to `/iam/token`; the broker must offer that.

    `region` is the broker's; if left out, the one in its URL, else AWS_REGION.
    """
    return Iam(region)


@dataclass(frozen=True)
class Iam:
    """An identity that signs the request and has no JWT."""

    region: str | None
    audience: None = field(default=None, init=False)
    source: str = field(default="the AWS role", init=False)

    def prove(self, request: Request, /) -> Request:
        """Raises TokenError (`bad_identity`, `unreachable`, `no_library`)."""
        boto3, errors = _load("iam()")
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        found = _EXECUTE_API.fullmatch(request.origin)
        try:
            session = boto3.Session()
            region = self.region or (found[1] if found else _region(session))
            credentials = session.get_credentials()
            if credentials is None:
                raise TokenError("bad_identity", "there are no AWS credentials here; iam() needs a role")
            # Here those of a role are renewed when they are about to end.
            frozen = credentials.get_frozen_credentials()
        except (errors.BotoCoreError, errors.ClientError) as error:
            is_down = isinstance(error, errors.MetadataRetrievalError | errors.CredentialRetrievalError)
            code = "unreachable" if is_down else "bad_identity"
            raise TokenError(code, f"the AWS credentials cannot be read ({type(error).__name__})") from None
        signed = AWSRequest(
            "POST", f"{request.origin}/iam/token", {"content-type": FORM}, urlencode(request.fields).encode()
        )
        SigV4Auth(frozen, "execute-api", region).add_auth(signed)
        headers = {name.lower(): value for name, value in signed.headers.items()}
        return replace(request, path="/iam/token", headers=headers, source=self.source)


def _region(session: Any) -> str:
    """The Region of the environment or profile. boto3 itself does not read AWS_REGION. Raises TokenError."""
    region = session.region_name or os.environ.get("AWS_REGION")
    if not region:
        raise TokenError("bad_identity", "no AWS Region is set; set AWS_REGION")
    return str(region)


def _load(name: str) -> tuple[Any, Any]:
    """boto3 and the module of its errors. Raises TokenError (`no_library`)."""
    try:
        import boto3
        from botocore import exceptions
    except ImportError:
        raise TokenError(
            "no_library", f"{name} needs boto3: pip install 'transloadit-token-broker-client[aws]'"
        ) from None
    return boto3, exceptions
