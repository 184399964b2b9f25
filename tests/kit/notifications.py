"""A broker that takes notifications, in memory: api2, Secrets Manager, Lambda and Step Functions are a test's own."""

import base64
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from broker.answering import Answering
from broker.assembly.callback import Waiting, seal
from broker.assembly.completion import Completer
from broker.assembly.endpoint import AssemblyEndpoint
from broker.assembly.keys import PipelineKeys
from broker.assembly.notification import make_notification_request
from broker.assembly.signatures import NotificationSignatures
from broker.aws.callbacks import Callbacks
from broker.aws.secretsmanager import SecretsManager
from broker.base.audit import AuditRecord
from broker.base.net import Answer, Call
from broker.base.progress import Deadline
from broker.policy.model import Policy
from broker.request.assembly import Callback
from broker.request.http import read_event
from broker.response import acknowledge
from broker.token.credentials import Credentials
from urllib3.filepost import encode_multipart_formdata

from tests.kit import callers
from tests.kit.brokers import SECRETS_URL, aws_by
from tests.kit.clock import Clock
from tests.kit.handlers import event
from tests.kit.policies import UPSTREAM, assemble_rule, policy
from tests.kit.web import Web, reply

ASSEMBLY_ID = "0123456789ab4def8123456789abcdef"
STATUS_URL = f"{UPSTREAM}/assemblies/{ASSEMBLY_ID}"
CALLBACK_ID = "Ab+/9cd=="
LAMBDA_URL = f"https://lambda.us-east-1.amazonaws.com/2025-12-01/durable-execution-callbacks/{quote(CALLBACK_ID, '')}"
SUCCEED_URL, FAIL_URL = f"{LAMBDA_URL}/succeed", f"{LAMBDA_URL}/fail"
STATES_URL = "https://states.us-east-1.amazonaws.com/"
KEY_ID = "transloadit/pipeline-key"
KEY, SECRET = "11" * 32, "the-auth-secret"
DURABLE, TASK = Callback("durable", CALLBACK_ID), Callback("task", "the-task-token")
DAY = 24 * 60 * 60


class Vault:
    """Secrets Manager: each secret's versions, newest first, with the time of their creation."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._versions: dict[str, list[tuple[str, float]]] = {}
        self.reads: list[tuple[str, str]] = []
        self.is_down = False

    def put(self, secret_id: str, text: str, created_at: float | None = None) -> None:
        versions = self._versions.setdefault(secret_id, [])
        versions.insert(0, (text, self._clock() if created_at is None else created_at))

    def rotate(self, secret: str, name: str = "default") -> None:
        """Give a credential a new Auth Secret."""
        self.put(f"transloadit/{name}", json.dumps({"auth_key": f"key-of-{secret}", "auth_secret": secret}))

    def answer(self, call: Call) -> Answer:
        asked = json.loads(call.body)
        secret_id, stage = asked["SecretId"], asked.get("VersionStage", "AWSCURRENT")
        self.reads.append((secret_id, stage))
        versions, index = self._versions.get(secret_id, []), int(stage == "AWSPREVIOUS")
        if self.is_down:
            return reply(b"", 500)
        if len(versions) <= index:
            return reply({"__type": "ResourceNotFoundException"}, 400)
        text, created_at = versions[index]
        version = f"version-{len(versions) - index}"
        return reply({"ARN": secret_id, "VersionId": version, "SecretString": text, "CreatedDate": created_at})


def sign(text: str, secret: str = SECRET, algorithm: str = "sha384") -> str:
    """As api2 signs a notification."""
    return f"{algorithm}:{hmac.digest(secret.encode(), text.encode(), algorithm).hex()}"


class Reception:
    """`reception.post(text, signature)` is a notification; `web` has the calls of a completion, `records` the records.

    Made with rules of other credentials, it has a secret for each of them.
    """

    def __init__(self, trust: Policy | None = None) -> None:
        self.clock, self.web, self.records = Clock(), Web(), list[AuditRecord]()
        self.slept: list[float] = []
        self.vault = Vault(self.clock)
        self.web.serve(SECRETS_URL, self.vault.answer)
        self.vault.put(KEY_ID, KEY, self.clock() - 30 * DAY)
        self.trust = trust or policy(assemble_rules=[assemble_rule()])
        for name in self.trust.credentials:
            document = {"auth_key": "the-auth-key", "auth_secret": SECRET if name == "default" else f"secret-of-{name}"}
            self.vault.put(f"transloadit/{name}", json.dumps(document), self.clock() - 30 * DAY)
        for url in (SUCCEED_URL, FAIL_URL, STATES_URL):
            self.web[url] = reply({})
        self.sealed = self.seal()
        self.says("ASSEMBLY_COMPLETED")
        self.restart()

    def restart(self) -> None:
        """A new environment, which has read no secret."""
        aws = aws_by(self.web, self.clock)
        secrets = SecretsManager(aws)
        ids = {name: f"transloadit/{name}" for name in self.trust.credentials}
        credentials = Credentials(ids, secrets.read, self.clock, secrets.read_previous)
        keys = PipelineKeys(KEY_ID, secrets.read, secrets.read_previous, self.clock)
        endpoint = AssemblyEndpoint(self.web, self.clock, self.slept.append, self.trust.upstream)
        signatures = NotificationSignatures(credentials, self.clock)
        self._completer = Completer(self.trust, keys, signatures, endpoint, Callbacks(aws), self.clock)
        self._answering = Answering(self.trust, self.records.append, self.clock)

    def seal(self, callback: Callback = DURABLE, *, key: str = KEY, id_: str = ASSEMBLY_ID, **changes: Any) -> str:
        """A sealed callback. `changes` of `credential`, `shows_id`, `expires_at`."""
        members: dict[str, Any] = {
            "credential": "default",
            "shows_id": True,
            "expires_at": int(self.clock()) + 7 * DAY,
        } | changes
        return seal(bytes.fromhex(key), id_, Waiting(callback, **members))

    def status(self, code: str = "ASSEMBLY_COMPLETED", **changes: Any) -> dict[str, Any]:
        """api2's status of the Assembly, in this state or with this error. A change to None removes a member."""
        member = "ok" if code.startswith(("ASSEMBLY_", "REQUEST_")) else "error"
        members = {
            member: code,
            "assembly_id": ASSEMBLY_ID,
            "assembly_ssl_url": f"https://api2-vesta.transloadit.com/assemblies/{ASSEMBLY_ID}",
            "account_slug": "acme",
            "notify_url": f"https://tokens.example.com/notifications/{ASSEMBLY_ID}?c={self.sealed}",
        }
        return {name: value for name, value in (members | changes).items() if value is not None}

    def says(self, code: str, status: int = 200, **changes: Any) -> None:
        """Let api2 say so, when it is asked."""
        self.web[STATUS_URL] = reply(self.status(code, **changes), status)

    def text(self, code: str = "ASSEMBLY_COMPLETED", **changes: Any) -> str:
        """The JSON of a notification."""
        return json.dumps(self.status(code, **changes))

    def post(
        self, text: str | None = None, signature: str | None = None, *, c: str | None = None, id_: str = ASSEMBLY_ID
    ) -> callers.Answer:
        """A notification: of success and with api2's signature, where nothing else is said."""
        text = self.text() if text is None else text
        fields = {"transloadit": text, "signature": sign(text) if signature is None else signature}
        return self.send(urlencode(fields), c=c, id_=id_)

    def post_multipart(self, fields: Mapping[str, Any]) -> callers.Answer:
        body, content_type = encode_multipart_formdata(fields)
        return self.send(body, content_type)

    def send(
        self,
        body: str | bytes,
        content_type: str = "application/x-www-form-urlencoded",
        *,
        c: str | None = None,
        id_: str = ASSEMBLY_ID,
        seconds: float = 15,
    ) -> callers.Answer:
        """Any body at all. `seconds` until the invocation ends."""
        sent = event(
            "notification",
            headers={"content-type": content_type},
            body=base64.b64encode(body.encode() if isinstance(body, str) else body).decode(),
            pathParameters={"id": id_},
            queryStringParameters={"c": self.sealed if c is None else c},
        )
        http = read_event(sent, None)
        outcome = self._answering.answer(
            http.request_id,
            lambda: make_notification_request(http, sent),
            self._completer.complete,
            callers.INVOCATION,
            Deadline(self.clock, seconds),
        )
        response = acknowledge(outcome, http)
        return callers.Answer(response["statusCode"], response["headers"], response["body"])

    @property
    def record(self) -> AuditRecord:
        """The last audit record."""
        return self.records[-1]

    @property
    def completions(self) -> list[tuple[str, Any]]:
        """What Lambda and Step Functions were told: the last part of the URL or the operation, and the body."""
        told = []
        for call in self.web.calls:
            if call.url in (SUCCEED_URL, FAIL_URL):
                told.append((call.url.rpartition("/")[2], json.loads(call.body)))
            elif call.url == STATES_URL:
                told.append((call.headers["x-amz-target"].partition(".")[2], json.loads(call.body)))
        return told

    @property
    def asked(self) -> int:
        """How often api2 was asked for the status."""
        return self.web.count(STATUS_URL)

    def refuses(self, answer: callers.Answer, status: int) -> bool:
        """Whether this is the answer, nothing was completed, and the last record says so."""
        assert self.completions == []
        assert self.record.assembly is not None
        assert self.record.assembly.callback is None
        return answer.status == self.record.status == status

    def has_learned_nothing(self) -> bool:
        """Whether no Auth Secret was read and api2 was not asked."""
        return {secret_id for secret_id, _ in self.vault.reads} <= {KEY_ID} and self.asked == 0
