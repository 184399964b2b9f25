"""Our three signers beside the vendor's, `@transloadit/utils` 4.8.1: the same bytes, and no kind passes as another. And
our verifier of notifications beside the vendor's.

The vendor's functions run in one Node process, from the unmodified package that tests/conformance/api2 installs.
"""

import hmac
import json
import random
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from broker.assembly.notification import Notification, says_ended
from broker.assembly.signatures import NotificationSignatures
from broker.aws.secretsmanager import Secret
from broker.base.audit import Notes
from broker.base.errors import AccessDenied, InvalidRequest
from broker.base.progress import Deadline, Progress
from broker.signing.assembly import write_params
from broker.signing.decision import AssemblyParams, SmartCdnUrls, StorageGrant
from broker.signing.smart_cdn import write_urls
from broker.signing.storage import write_grant
from broker.token.credentials import Credentials

from tests.kit.clock import Clock
from tests.kit.node import Script, node_for
from tests.kit.official import FOLDER

COUNT = 10_000  # of each kind
NOW = 1_800_000_000
# Whatever one of the encodings treats in a way of its own, or ends a text, a line or a segment for some reader.
HOSTILE = "aZ09 -_.~!*'()/?#&=+%:@$,;<>\"\\[]{}|^`\0\x01\x1f\x7f\x80\u00a0\u2028\u2029\u202e\ufeff\uff0f\ufffd\uffff"


class Draw(random.Random):
    """A generator of inputs, the same in each run."""

    def text(self, longest: int = 12) -> str:
        """Hostile punctuation, letters of all planes, or both. No request has half surrogates."""
        count = self.randint(1, longest)
        return "".join(self.choice(HOSTILE) if self.random() < 0.6 else self._sign() for _ in range(count))

    def _sign(self) -> str:
        point = self.randrange(0x110000 if self.random() < 0.3 else 0x3000)
        return "\ufffd" if 0xD800 <= point < 0xE000 else chr(point)

    def param(self) -> str | int | bool:
        whole = self.randint(-(2**53) + 1, 2**53 - 1)
        values: list[str | int | bool] = [self.text(), "", whole, self.randint(-9, 9), True, False]
        return self.choice(values)

    def name(self) -> str:
        letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
        return "".join(self.choices(letters, k=self.randint(1, 8)))

    def assembly(self) -> AssemblyParams:
        steps = {self.text(): {self.text(): self.text(40)} for _ in range(self.randint(0, 2))}
        return AssemblyParams(
            template_id=self.randbytes(16).hex(),
            algorithm=self.choice(["sha384", "sha256"]),
            expires=self.randint(1, 900),
            max_size=self.choice([None, self.randint(1, 2**53)]),
            max_number_of_files=self.choice([None, self.randint(1, 1000)]),
            steps=steps,
            fields={self.text(): self.choice(["", self.text(60)]) for _ in range(self.randint(0, 4))},
        )

    def urls(self) -> SmartCdnUrls:
        workspace, template = self.choice(["acme", "a-1", "eyjhbgcioijiuzi1nij9"]), self.text()
        params = {self.name(): self.param() for _ in range(self.randint(0, 5))}
        return SmartCdnUrls(
            f"https://{workspace}.tlcdn.com", workspace, template, (self.text(60),), params, 3600, as_list=False
        )

    def grant(self) -> StorageGrant:
        scopes = self.choice([("read",), ("write",), ("read", "write"), ("write", "read")])
        return StorageGrant(self.text(), self.text(60), scopes, self.randint(1, 3600))


@pytest.fixture(scope="module")
def vendor() -> Iterator[Script]:
    with Script(node_for(FOLDER), FOLDER / "signer.mjs") as running:
        yield running


Signed = tuple[str, bytes]  # a text and its HMAC
SECRET = "the-secret"


def call(vendor: Script, name: str, calls: Iterable[Sequence[Any]]) -> list[Any]:
    """What the vendor's function returns for each list of arguments, or None where it throws."""
    return [told.get("answer") for told in vendor.ask_all({"name": name, "given": given} for given in calls)]


def compute(secret: str, text: str, algorithm: str = "sha256") -> bytes:
    """As signer.py does it."""
    return hmac.digest(secret.encode(), text.encode(), algorithm)


def compute_hex(secret: str, text: str) -> str:
    return compute(secret, text).hex()


def differ(found: list[Any], expected: list[Any]) -> list[Any]:
    """The pairs that are not equal."""
    return [pair for pair in zip(found, expected, strict=True) if pair[0] != pair[1]]


def test_ten_thousand_random_parameters_are_signed_byte_for_byte_as_by_the_vendor(vendor: Script) -> None:
    draw, calls, ours = Draw(1), [], []
    for _ in range(COUNT):
        order, secret = draw.assembly(), draw.text(40)
        params = write_params(order, draw.text(), draw.randbytes(16).hex(), NOW)
        ours.append(f"{order.algorithm}:{compute(secret, params, order.algorithm).hex()}")
        calls.append((params, secret, order.algorithm))
    assert differ(call(vendor, "signParamsSync", calls), ours) == []


def test_ten_thousand_random_urls_are_byte_for_byte_those_of_the_vendor(vendor: Script) -> None:
    draw, calls, ours = Draw(2), [], []
    for _ in range(COUNT):
        order, auth_key, secret = draw.urls(), draw.text(), draw.text(40)
        ours += write_urls(order, auth_key, NOW, partial(compute_hex, secret))
        given: dict[str, Any] = {"workspace": order.workspace, "template": order.template, "input": order.inputs[0]}
        given |= {"urlParams": order.params, "authKey": auth_key, "authSecret": secret, "expiresAt": NOW * 1000}
        calls.append((given,))
    assert differ(call(vendor, "getSignedSmartCdnUrl", calls), ours) == []


def test_ten_thousand_random_grants_are_byte_for_byte_those_of_the_vendor(vendor: Script) -> None:
    draw, calls, ours = Draw(3), [], []
    for _ in range(COUNT):
        order, secret = draw.grant(), draw.text(40)
        ours.append(write_grant(order, NOW, partial(compute, secret)))
        given: dict[str, Any] = {"bucket": order.bucket, "prefix": order.prefix, "scopes": order.scopes}
        calls.append((given | {"expiresInSeconds": order.expires, "nowMs": NOW * 1000 + draw.randint(0, 999)}, secret))
    assert differ([told["grant"] for told in call(vendor, "signStorageGrant", calls)], ours) == []


def find_grants(vendor: Script, all_signed: list[Signed]) -> list[str]:
    """The signed texts that the vendor's verifier accepts as grants."""
    calls = []
    for text, digest in all_signed:
        calls.append((f"{text}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}", SECRET, {"nowMs": NOW * 1000}))
    told = call(vendor, "verifyStorageGrant", calls)
    return [text for (text, _), claims in zip(all_signed, told, strict=True) if claims is not None]


def find_urls(vendor: Script, all_signed: list[Signed]) -> list[str]:
    """The signed texts in which the vendor's parser finds a URL that its signer would write just so."""
    urls = {}
    for text, digest in all_signed:
        workspace, _, rest = text.partition("/")
        urls[f"https://{workspace}.tlcdn.com/{rest}&sig=sha256%3A{digest.hex()}"] = text
    parsed = zip(urls, call(vendor, "parseSmartCdnUrl", [(url,) for url in urls]), strict=True)
    options = {url: read for url, read in parsed if read is not None and "auth" in read}
    calls = [
        ({**read, "authKey": read["auth"]["key"], "authSecret": SECRET, "expiresAt": read["auth"]["expiresAt"]},)
        for read in options.values()
    ]
    written = call(vendor, "getSignedSmartCdnUrl", calls)
    return [urls[url] for url, again in zip(options, written, strict=True) if url == again]


def find_params(vendor: Script, all_signed: list[Signed]) -> list[str]:
    """The signed texts with the vendor's signature that are objects with `auth`, without which api2 knows no key."""
    algorithms = {32: "sha256", 48: "sha384"}
    calls = [(text, SECRET, algorithms[len(digest)]) for text, digest in all_signed]
    told = call(vendor, "signParamsSync", calls)
    found = []
    for (text, digest), signature in zip(all_signed, told, strict=True):
        with suppress(ValueError):
            read = json.loads(text)
            if signature.endswith(f":{digest.hex()}") and isinstance(read, dict) and "auth" in read:
                found.append(text)
    return found


def find_notifications(all_signed: list[Signed]) -> list[str]:
    """The signed texts that the broker takes for notifications of whatever Assembly they name."""
    found = []
    for text, _ in all_signed:
        with suppress(ValueError, TypeError, KeyError, InvalidRequest):
            says_ended(text, json.loads(text)["assembly_id"])
            found.append(text)
    return found


def make_signed(kind: str, draw: Draw) -> Signed:
    """The text that was signed for a random order of this kind, and its HMAC."""
    texts: list[str] = []

    def sign(text: str) -> bytes:
        texts.append(text)
        return compute(SECRET, text)

    if kind == "assembly":
        order = draw.assembly()
        params = write_params(order, draw.name(), draw.randbytes(16).hex(), NOW + 60)
        return params, compute(SECRET, params, order.algorithm)
    if kind == "smart_cdn":
        write_urls(draw.urls(), draw.name(), NOW + 60, lambda text: sign(text).hex())
    else:
        write_grant(draw.grant(), NOW, sign)
    return texts[0], compute(SECRET, texts[0])


VERIFIERS = {"assembly": find_params, "smart_cdn": find_urls, "storage": find_grants}


@pytest.mark.parametrize("kind", VERIFIERS)
def test_ten_thousand_strings_of_a_kind_pass_as_their_own_kind_alone(vendor: Script, kind: str) -> None:
    """By one secret for all three, though the compiler lets no Auth Key of Assemblies sign anything else."""
    draw = Draw(4)
    all_signed = [make_signed(kind, draw) for _ in range(COUNT)]
    passed = {name: find(vendor, all_signed) for name, find in VERIFIERS.items() if name != kind}
    passed["notification"] = find_notifications(all_signed)
    assert not any(passed.values()), passed
    own = [text for text, _ in all_signed[:100]]
    assert VERIFIERS[kind](vendor, all_signed[:100]) == own


def accepts(secret: str, text: str, signature: str) -> bool:
    """Whether our verifier accepts it as a notification's signature."""
    clock, document = Clock(), json.dumps({"auth_key": "key", "auth_secret": secret})
    credentials = Credentials({"default": "id"}, lambda *_: Secret("arn", "v1", document), clock)
    progress = Progress(Deadline(clock, 15), Notes())
    try:
        NotificationSignatures(credentials, clock).verify("default", Notification(text, signature), progress)
    except AccessDenied:
        return False
    return True


def test_a_thousand_notifications_are_accepted_and_refused_as_by_the_vendor_but_for_sha_1(vendor: Script) -> None:
    draw = Draw(5)
    texts = [draw.text(200) for _ in range(1000)]
    algorithms = [draw.choice(["sha384", "sha256", "sha1", "sha512"]) for _ in texts]
    signing = [(text, SECRET, algorithm) for text, algorithm in zip(texts, algorithms, strict=True)]
    signatures = [str(signature) for signature in call(vendor, "signParamsSync", signing)]
    shown = [(text, signature) for text, signature in zip(texts, signatures, strict=True)]
    shown += [(f"{text} ", signature) for text, signature in shown[:100]]
    shown += [(text, signature.partition(":")[2]) for text, signature in shown[:100]]
    given = [({"rawBody": text, "signatureHeader": signature, "authSecret": SECRET},) for text, signature in shown]
    theirs = call(vendor, "verifyWebhookSignature", given)
    ours = [accepts(SECRET, text, signature) for text, signature in shown]
    is_modern = [signature.startswith(("sha384:", "sha256:")) for _, signature in shown]
    assert ours == [accepted and modern for accepted, modern in zip(theirs, is_modern, strict=True)]
    assert sum(ours) > 400
