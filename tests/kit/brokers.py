"""A whole broker on a web in memory, with good defaults: a test changes the one thing that it is about."""

import json
from collections.abc import Callable
from copy import copy
from typing import Any

from broker.answering import Answering
from broker.aws.client import Aws, make_session
from broker.aws.dynamodb import Table
from broker.aws.secretsmanager import SecretsManager
from broker.base.audit import AuditRecord
from broker.base.net import Http
from broker.base.progress import Clock
from broker.caller.keys import KeySets
from broker.caller.replay import ReplayControl
from broker.caller.verifier import Verifier
from broker.exchange import Exchange
from broker.policy.model import Policy
from broker.signing.signer import Signer as SignatureMaker
from broker.token.bearer import BearerToken, CacheKey
from broker.token.budget import MintBudget, SignBudget
from broker.token.credentials import Credentials
from broker.token.memory import TokenCache
from broker.token.mint import Minter
from broker.token.obtain import BearerTokens
from broker.token.shared import SharedCache
from broker.token.transloadit import TokenEndpoint

from tests.kit.callers import InProcess
from tests.kit.clock import Clock as Hands
from tests.kit.jwts import Signer
from tests.kit.policies import ISSUER, UPSTREAM, policy
from tests.kit.rows import Rows
from tests.kit.web import Web, reply

DISCOVERY_URL = f"{ISSUER}.well-known/openid-configuration"
JWKS_URL = f"{ISSUER}keys"
SECRETS_URL = "https://secretsmanager.us-east-1.amazonaws.com/"
TABLE_URL = "https://dynamodb.us-east-1.amazonaws.com/"
TOKEN_URL = f"{UPSTREAM}/token"
ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:transloadit/default-AbCdEf"
AUTH_KEY, AUTH_SECRET = "the-auth-key", "the-auth-secret"
ACCESS = {
    "region_name": "us-east-1",
    "aws_access_key_id": "AKIDEXAMPLE",
    "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}
# One for all tests, since it keeps what it has read of botocore's data.
SESSION = make_session(ACCESS)


def aws_by(http: Http, clock: Clock, endpoint: str | None = None) -> Callable[[], Aws]:
    """AWS as `wiring` hands it to the modules that call it."""
    aws = Aws(http, clock, SESSION, endpoint)
    return lambda: aws


def secret(version: str = "v1", key: str = AUTH_KEY, text: str | None = None) -> Any:
    text = json.dumps({"auth_key": key, "auth_secret": AUTH_SECRET}) if text is None else text
    return reply({"ARN": ARN, "VersionId": version, "SecretString": text})


def minted(token: str = "bearer-1", scope: str = "assemblies:read assemblies:write", **changes: Any) -> Any:
    return reply({"access_token": token, "token_type": "Bearer", "expires_in": 21600, "scope": scope} | changes)


class InMemory(InProcess):
    """`broker.post(jwt, scope=…)` is a caller's request; `records` are the audit records, `web` has the calls."""

    issuer_url = ISSUER

    def __init__(self, trust: Policy | None = None, *, rows: Rows | None = None, **parts: Any) -> None:
        """The policy is `trust`, or the usual one but for `parts`. `rows`: the shared table, where there is one."""
        self.clock: Hands = Hands()
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
        self.use(trust or policy(**parts))

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
        signer = SignatureMaker(self.credentials, SignBudget(self.clock), self.clock)
        answering = Answering(trust, self.records.append, self.clock)
        self.exchange = Exchange(answering, verifier, tokens, signer, replay_control)

    def beside(self) -> "InMemory":
        """Another environment of the same deployment. It shares everything except memory and budgets."""
        other = copy(self)
        other.records, other.slept = [], []
        other.use(self.trust)
        return other

    def _nap(self, seconds: float) -> None:
        """A pause between reads of the shared table, in which `meanwhile` happens."""
        self.slept.append(seconds)
        self.clock.advance(seconds)
        self.meanwhile()

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
