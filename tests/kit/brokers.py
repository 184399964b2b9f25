"""A whole broker on a web in memory, with good defaults: a test changes the one thing that it is about."""

import json
from collections.abc import Callable
from copy import copy
from typing import Any
from urllib.parse import urlencode

from broker.aws.client import Aws, make_session
from broker.aws.dynamodb import Table
from broker.aws.secretsmanager import SecretsManager
from broker.base.audit import AuditRecord
from broker.base.invocation import Invocation
from broker.base.net import Http
from broker.base.progress import Clock, Deadline
from broker.caller.keys import KeySets
from broker.caller.replay import ReplayControl
from broker.caller.verifier import Verifier
from broker.exchange import Exchange
from broker.policy.model import Policy
from broker.request.http import HttpRequest
from broker.request.request import read_token_request
from broker.response import respond
from broker.token.bearer import BearerToken, CacheKey
from broker.token.budget import MintBudget
from broker.token.credentials import Credentials
from broker.token.memory import TokenCache
from broker.token.mint import Minter
from broker.token.obtain import BearerTokens
from broker.token.shared import SharedCache
from broker.token.transloadit import TokenEndpoint

from tests.kit.clock import Clock as Hands
from tests.kit.jwts import Signer
from tests.kit.policies import AUDIENCE, ISSUER, UPSTREAM, policy
from tests.kit.rows import Rows
from tests.kit.web import Web, reply

DISCOVERY_URL = f"{ISSUER}.well-known/openid-configuration"
JWKS_URL = f"{ISSUER}keys"
SECRETS_URL = "https://secretsmanager.us-east-1.amazonaws.com/"
TABLE_URL = "https://dynamodb.us-east-1.amazonaws.com/"
TOKEN_URL = f"{UPSTREAM}/token"
ORIGIN = "https://id.execute-api.us-east-1.amazonaws.com"
ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:transloadit/default-AbCdEf"
AUTH_KEY, AUTH_SECRET = "the-auth-key", "the-auth-secret"
ACCESS = {
    "region_name": "us-east-1",
    "aws_access_key_id": "AKIDEXAMPLE",
    "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}
# One for all tests, since it keeps what it has read of botocore's data.
SESSION = make_session(ACCESS)

INVOCATION = Invocation("invocation-1", False, None)


def aws_by(http: Http, clock: Clock, endpoint: str | None = None) -> Callable[[], Aws]:
    """AWS as `wiring` hands it to those who call it."""
    aws = Aws(http, clock, SESSION, endpoint)
    return lambda: aws


def secret(version: str = "v1", key: str = AUTH_KEY, text: str | None = None) -> Any:
    text = json.dumps({"auth_key": key, "auth_secret": AUTH_SECRET}) if text is None else text
    return reply({"ARN": ARN, "VersionId": version, "SecretString": text})


def minted(token: str = "bearer-1", scope: str = "assemblies:read assemblies:write", **changes: Any) -> Any:
    return reply({"access_token": token, "token_type": "Bearer", "expires_in": 21600, "scope": scope} | changes)


class Broker:
    """`broker.post(jwt, scope=…)` is a caller's request; `records` are the audit records, `web` has the calls."""

    def __init__(self, trust: Policy | None = None, *, rows: Rows | None = None) -> None:
        """`rows`: the shared table, where the deployment has one."""
        self.clock = Hands()
        self.signer = Signer()
        self.web = Web()
        self.rows = rows
        self.meanwhile: Callable[[], None] = lambda: None
        if rows is not None:
            self.web.serve(TABLE_URL, rows.answer)
        self.web[DISCOVERY_URL] = reply({"issuer": ISSUER, "jwks_uri": JWKS_URL})
        self.web[JWKS_URL] = reply(self.signer.jwks())
        self.web[SECRETS_URL] = secret()
        self.web[TOKEN_URL] = minted()
        self.records: list[AuditRecord] = []
        self.slept: list[float] = []
        self.use(trust or policy())

    def use(self, trust: Policy) -> None:
        """A new environment with this policy."""
        self.trust = trust
        aws = aws_by(self.web, self.clock)
        secret_ids = {name: f"transloadit/{name}" for name in trust.credentials}
        self.credentials = Credentials(secret_ids, SecretsManager(aws).read, self.clock)
        endpoint = TokenEndpoint(self.web, self.clock, self.slept.append, trust.upstream)
        shared, replay_control = None, None
        if self.rows is not None:
            table = Table(aws, "the-table")
            shared = SharedCache(table, trust.upstream, self.clock, self._nap)
            replay_control = ReplayControl(table, self.clock)
        memory = TokenCache[CacheKey, BearerToken]()
        minter = Minter(self.credentials, endpoint, MintBudget(self.clock), memory, shared, self.clock)
        tokens = BearerTokens(self.credentials, minter, memory, shared, self.clock)
        verifier = Verifier(trust.issuers, KeySets(self.web, self.clock), self.clock)
        self.exchange = Exchange(trust, verifier, tokens, self._keep, self.clock, replay_control)

    def beside(self) -> "Broker":
        """Another environment of the same deployment. It shares everything except memory and budgets."""
        other = copy(self)
        other.records, other.slept = [], []
        other.use(self.trust)
        return other

    def _nap(self, seconds: float) -> None:
        """A pause between looks at the shared table, in which `meanwhile` happens."""
        self.slept.append(seconds)
        self.clock.advance(seconds)
        self.meanwhile()

    def _keep(self, record: AuditRecord) -> None:
        self.records.append(record)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Claims that the default policy accepts; a change to None removes one."""
        now = int(self.clock())
        members = {"iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "iat": now, "exp": now + 300, "groups": ["editors"]}
        return {name: value for name, value in (members | changes).items() if value is not None}

    def jwt(self, **changes: Any) -> str:
        return self.signer.jwt(self.claims(**changes))

    def post(self, jwt: str | None = None, *, seconds: float = 15, **fields: str) -> "Answered":
        """A token request with this JWT, or a good one; `seconds` until the invocation ends."""
        form = {"grant_type": "client_credentials", **fields}
        headers = {
            "authorization": f"Bearer {self.jwt() if jwt is None else jwt}",
            "content-type": "application/x-www-form-urlencoded",
        }
        http = HttpRequest("request-1", "POST", "ANY /token", ORIGIN, headers, urlencode(form), False, True)
        return self.send(http, seconds)

    def send(self, http: HttpRequest, seconds: float = 15) -> "Answered":
        """Any HTTP request."""
        deadline = Deadline(self.clock, seconds)
        outcome = self.exchange(http.request_id, lambda: read_token_request(http), INVOCATION, deadline)
        return Answered(respond(outcome, http, self.clock()))

    def refuses(self, jwt: str, status: int = 401, **fields: Any) -> bool:
        """Whether this gets no token, leaves one record, and causes no call of Secrets Manager and api2."""
        records, asked = len(self.records), self.web.count(SECRETS_URL) + self.mints
        answer = self.post(jwt, **fields)
        assert "access_token" not in answer.body
        assert len(self.records) == records + 1
        assert self.web.count(SECRETS_URL) + self.mints == asked
        return answer.status == self.record.status == status

    @property
    def mints(self) -> int:
        return self.web.count(TOKEN_URL)

    @property
    def record(self) -> AuditRecord:
        return self.records[-1]


class Answered:
    def __init__(self, response: dict[str, Any]) -> None:
        self.status: int = response["statusCode"]
        self.headers: dict[str, str] = response["headers"]
        self.body: dict[str, Any] = json.loads(response["body"])

    @property
    def outcome(self) -> tuple[int, str | None]:
        """Status and error code."""
        return self.status, self.body.get("error")
