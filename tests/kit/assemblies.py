"""A broker that makes Assemblies, in memory, and an api2 that keeps them."""

import json
import re
from typing import Any

from broker.answering import Answering, Outcome
from broker.assembly.endpoint import AssemblyEndpoint
from broker.assembly.keys import PipelineKeys
from broker.assembly.maker import AssemblyMaker, Made
from broker.aws.secretsmanager import SecretsManager
from broker.base.net import Answer, Call
from broker.base.progress import Deadline
from broker.caller.invoke import InvokeIdentifier, InvokeProof
from broker.exchange import Exchange
from broker.policy.model import Policy
from broker.request.assembly import read_assembly

from tests.kit.brokers import SECRETS_URL, InMemory, aws_by, minted, secret
from tests.kit.callers import INVOCATION
from tests.kit.policies import UPSTREAM, assemble_rule, policy
from tests.kit.web import reply

PUBLIC_URL = "https://tokens.example.com"
ASSEMBLIES_URL = f"{UPSTREAM}/assemblies/"
KEY_ID = "transloadit/pipeline-key"
REQUEST = {"template": "encode", "key": "originals/a.mp4/1", "fields": {"bucket": "originals", "key": "a.mp4"}}
_PARAMS = re.compile(rb'name="params"\r\n(?:[^\r\n]+\r\n)*\r\n(.*?)\r\n--', re.DOTALL)


class Api2:
    """Keeps Assemblies by their ids. `state` is that of new ones; `token` the only bearer token that is good."""

    def __init__(self) -> None:
        self.assemblies: dict[str, dict[str, Any]] = {}
        self.state = "ASSEMBLY_EXECUTING"
        self.tokens = {"bearer-1", "bearer-2"}
        self.workspace = "acme"

    def __call__(self, call: Call) -> Answer:
        id_ = call.url.rpartition("/")[2]
        if call.method == "GET":
            found = self.assemblies.get(id_)
            return reply(found) if found else reply({"error": "ASSEMBLY_NOT_FOUND"}, 404)
        if call.headers["authorization"].removeprefix("Bearer ") not in self.tokens:
            return reply({"error": "BEARER_TOKEN_INVALID"}, 401)
        if id_ in self.assemblies:
            return reply({"error": "DO_NOT_REUSE_ASSEMBLY_IDS"}, 400)
        params = _PARAMS.search(call.body)
        assert params is not None
        self.assemblies[id_] = self.make(id_, params[1].decode())
        return reply(self.assemblies[id_])

    def make(self, id_: str, params: str, **changes: Any) -> dict[str, Any]:
        """The status of an Assembly."""
        sent = json.loads(params)
        return {
            "ok": self.state,
            "assembly_id": id_,
            "assembly_ssl_url": f"https://api2-vesta.transloadit.com/assemblies/{id_}",
            "account_slug": self.workspace,
            "template_id": sent.get("template_id"),
            "params": params,
            "notify_url": sent.get("notify_url"),
        } | changes

    @property
    def params(self) -> dict[str, Any]:
        """Those of the only Assembly."""
        (assembly,) = self.assemblies.values()
        params: dict[str, Any] = json.loads(assembly["params"])
        return params


class Pipeline(InMemory):
    """`pipeline.make(attempt=1)` is an invocation of the Assembly function; `api2` keeps what was made.

    `key` and `previous_key` are the pipeline keys in hex, which `key_made_at` says when.
    """

    exchange: Exchange[Any]

    def __init__(self, trust: Policy | None = None, **parts: Any) -> None:
        self.api2 = Api2()
        self.key, self.key_made_at = "11" * 32, 1_700_000_000.0
        self.previous_key: str | None = None
        super().__init__(trust or policy(**{"assemble_rules": [assemble_rule()]} | parts))
        self.web.serve(SECRETS_URL, self._read_secret)
        self.web.serve_under(ASSEMBLIES_URL, self.api2)
        self.secret_reply: Answer = secret()
        self.web[f"{UPSTREAM}/token"] = minted(scope="assemblies:write")

    def use(self, trust: Policy) -> None:
        super().use(trust)
        secrets = SecretsManager(aws_by(self.web, self.clock))
        self.keys = PipelineKeys(KEY_ID, secrets.read, secrets.read_previous, self.clock)
        endpoint = AssemblyEndpoint(self.web, self.clock, self.slept.append, trust.upstream)
        maker = AssemblyMaker(self.exchange.tokens, endpoint, self.keys, "broker-Assembly", PUBLIC_URL, self.clock)
        answering = Answering(trust, self.records.append, self.clock)
        self.exchange = Exchange(answering, InvokeIdentifier(), self.exchange.tokens, self.exchange.signer, None, maker)

    def _read_secret(self, call: Call) -> Answer:
        asked = json.loads(call.body)
        if asked["SecretId"] != KEY_ID:
            return self.secret_reply
        is_previous = asked.get("VersionStage") == "AWSPREVIOUS"
        text = self.previous_key if is_previous else self.key
        if text is None:
            return reply({"__type": "ResourceNotFoundException"}, 400)
        members = {"ARN": "arn:key", "VersionId": text[:8], "SecretString": text, "CreatedDate": self.key_made_at}
        return reply(members)

    def rotate(self, key: str) -> None:
        """Give the pipeline key a new version, and read it."""
        self.previous_key, self.key, self.key_made_at = self.key, key, self.clock()
        self.clock.advance(301)

    def make(self, **members: Any) -> Outcome[Made]:
        """The outcome of an invocation with the usual members, but for these. None removes one."""
        event = {name: value for name, value in (REQUEST | members).items() if value is not None}
        return self.exchange.give_assembly(
            "request-1",
            lambda: read_assembly(event, InvokeProof("originals")),
            INVOCATION,
            Deadline(self.clock, 60),
        )

    def made(self, **members: Any) -> Made:
        """What was made, which must be something."""
        result = self.make(**members).result
        assert isinstance(result, Made), result
        return result

    @property
    def posts(self) -> int:
        """How often api2 was asked to make an Assembly."""
        return sum(call.method == "POST" and call.url.startswith(ASSEMBLIES_URL) for call in self.web.calls)
