"""One request for a token by an unmodified client. What to do comes as JSON on standard input, the outcome goes out."""

import json
import sys
from typing import Any

import urllib3
from google.auth.exceptions import OAuthError
from google.auth.transport.urllib3 import Request
from google.oauth2.sts import Client
from jwskate import Jwk
from requests_oauth2client import OAuth2Client, PrivateKeyJwt, PublicApp
from requests_oauth2client.exceptions import EndpointError

TYPE = "urn:ietf:params:oauth:token-type:jwt"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


def ask_by_requests_oauth2client(given: dict[str, Any]) -> dict[str, Any]:
    url = f"{given['issuer']}/.well-known/oauth-authorization-server"
    auth: Any = PublicApp("anybody")
    if given["form"] == "private_key_jwt":
        # The audience that it would take by itself is the token endpoint's URL.
        auth = PrivateKeyJwt(given["client_id"], Jwk(given["private_jwk"]), alg="ES256", aud=given["issuer"])
    client = OAuth2Client.from_discovery_endpoint(url, given["issuer"], auth=auth, testing=True)  # http
    scope = {"scope": given["scope"]} if "scope" in given else {}
    if given["form"] == "private_key_jwt":
        return dict(client.client_credentials(**scope).as_dict())
    if given["form"] == "bearer":
        return dict(client.jwt_bearer(given["jwt"], **scope).as_dict())
    return dict(client.token_exchange(subject_token=given["jwt"], subject_token_type=TYPE, **scope).as_dict())


def ask_by_google_auth(given: dict[str, Any]) -> dict[str, Any]:
    """The client of its external accounts, which has token exchange alone."""
    client, request = Client(f"{given['issuer']}/token"), Request(urllib3.PoolManager())
    scopes = given.get("scope", "").split()
    return dict(client.exchange_token(request, EXCHANGE, given["jwt"], TYPE, scopes=scopes))


LIBRARIES = {"requests-oauth2client": ask_by_requests_oauth2client, "google-auth": ask_by_google_auth}

given = json.load(sys.stdin)
try:
    told = {"answer": LIBRARIES[given["library"]](given)}
except (EndpointError, OAuthError) as error:
    told = {"refused": {"name": type(error).__name__, "message": str(error)}}
sys.stdout.write(json.dumps(told, default=str))
