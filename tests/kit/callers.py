"""The caller of a broker, in the words of every test: `claims`, `jwt`, `post`, `mints`, and an `Answer`.

What lies between the caller and the broker differs: nothing (kit/brokers.py), sockets (kit/outside.py), a whole stack
(kit/stacks.py).
"""

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from broker.base.audit import AuditRecord
from broker.base.invocation import Invocation
from broker.base.progress import Clock, Deadline
from broker.exchange import Exchange
from broker.request.http import HttpRequest
from broker.request.proof import Proof
from broker.request.request import read_token_request
from broker.request.signature import read_signature_request
from broker.response import respond

from tests.kit.forms import JSON, by_header, http
from tests.kit.jwts import Signer
from tests.kit.policies import AUDIENCE

INVOCATION = Invocation("invocation-1", False, None)


def claims_of_alice(issuer: str, audience: str, now: float, **changes: Any) -> dict[str, Any]:
    """The claims of alice, an editor, for five minutes. A change to None removes a claim."""
    members = {"iss": issuer, "sub": "alice", "aud": audience, "iat": int(now), "exp": int(now) + 300}
    return {name: value for name, value in (members | {"groups": ["editors"]} | changes).items() if value is not None}


class Answer:
    """An answer of the broker. The names of its headers are in lower case."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.text = text

    @cached_property
    def body(self) -> Any:
        """The body, which must be JSON."""
        return json.loads(self.text)

    @property
    def outcome(self) -> tuple[int, str | None]:
        """Status and error code."""
        return self.status, self.body.get("error")


class CallerSide:
    """The JWTs of a caller, by the issuer's key and the caller's clock."""

    issuer_url: str
    audience: str = AUDIENCE
    clock: Clock
    signer: Signer

    @property
    def now(self) -> int:
        """The time in whole seconds."""
        return int(self.clock())

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Claims that the policy accepts, but for the changes; a change to None removes one."""
        return claims_of_alice(self.issuer_url, self.audience, self.clock(), **changes)

    def jwt(self, **changes: Any) -> str:
        """A caller JWT. By default it is that of alice, an editor."""
        return self.signer.jwt(self.claims(**changes))


class InProcess(CallerSide):
    """A caller of an exchange in this process. `records` are the audit records."""

    exchange: Exchange[Proof]
    records: list[AuditRecord]

    def post(self, jwt: str | None = None, *, seconds: float = 15, **fields: str) -> Answer:
        """A token request with this JWT, or a good one; `seconds` until the invocation ends."""
        return self.send(by_header(self.jwt() if jwt is None else jwt, **fields), seconds)

    def send(self, request: HttpRequest, seconds: float = 15) -> Answer:
        """Any HTTP request to `/token`."""
        deadline = Deadline(self.clock, seconds)
        outcome = self.exchange.give_token(
            request.request_id, lambda: read_token_request(request), INVOCATION, deadline
        )
        response = respond(outcome, request, self.clock())
        return Answer(response["statusCode"], response["headers"], response["body"])

    def sign(self, members: Any, jwt: str | None = None, **headers: str | None) -> Answer:
        """A request for a signature: these members as JSON, with this JWT or a good one."""
        body = members if isinstance(members, (str, bytes)) else json.dumps(members)
        bearer = f"Bearer {self.jwt() if jwt is None else jwt}"
        given: dict[str, Any] = {"authorization": bearer, "content_type": JSON} | headers
        return self.send_to_sign(http(body, **given))

    def send_to_sign(self, request: HttpRequest) -> Answer:
        """Any HTTP request to `/signature`."""
        deadline = Deadline(self.clock, 15)
        outcome = self.exchange.give_signature(
            request.request_id, lambda: read_signature_request(request), INVOCATION, deadline
        )
        response = respond(outcome, request, self.clock())
        return Answer(response["statusCode"], response["headers"], response["body"])

    @property
    def record(self) -> AuditRecord:
        """The last audit record."""
        return self.records[-1]
