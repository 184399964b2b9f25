"""Leaks: no secret, no token and no caller JWT in any record, answer, error or representation."""

import base64
import importlib
import inspect
import json
import logging
import pkgutil
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import broker
import pytest
from broker.aws.client import Aws, make_session
from broker.aws.secretsmanager import SecretsManager
from broker.base.audit import make_fields
from broker.base.errors import BrokerError
from broker.base.progress import Deadline
from broker.request.proof import GRANT_TYPES
from msgspec import Struct

from tests.attacks.test_requests import GRANT, send
from tests.kit.brokers import ACCESS, AUTH_KEY, AUTH_SECRET, JWKS_URL, SECRETS_URL, TOKEN_URL, InMemory, minted, secret
from tests.kit.clock import Clock
from tests.kit.leaks import find_secrets
from tests.kit.logs import failures
from tests.kit.web import Web, reply

PLANTED = 'a secret/of+signs="that\\are-escaped'
WRITTEN: dict[str, Callable[[str], str]] = {
    "plain": str,
    "hex": lambda text: text.encode().hex(),
    "hex in capitals": lambda text: text.encode().hex().upper(),
    "a query": lambda text: urlencode({"c": text}, quote_via=quote),
    "a path": quote,
    "a query in small letters": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    "JSON": json.dumps,
    "JSON that escapes slashes": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON in JSON": lambda text: json.dumps(json.dumps({"is": text})),
    "a representation": lambda text: repr(text.encode()),
    "base64 for URLs in a query": lambda text: quote(base64.urlsafe_b64encode(text.encode()), safe=""),
    "base64 in a query": lambda text: quote(base64.b64encode(text.encode()), safe=""),
    "base64 of it alone": lambda text: base64.b64encode(text.encode()).decode(),
    "base64, one byte before it": lambda text: base64.b64encode(b"\xfb" + text.encode() + b"\xff").decode(),
    "base64, two bytes before it": lambda text: base64.b64encode(b"\xfb\xff" + text.encode() + b"\xff").decode(),
    "base64 for URLs, one byte before it": lambda text: base64.urlsafe_b64encode(b":" + text.encode()).decode(),
    "base64 for URLs, two bytes before it": lambda text: base64.urlsafe_b64encode(b"k:" + text.encode()).decode(),
}


@pytest.mark.parametrize("write", WRITTEN.values(), ids=WRITTEN.keys())
@pytest.mark.parametrize("secret", [PLANTED, "0123456789abcdef", "c2VjcmV0-_YQ"])
def test_a_search_finds_a_secret_in_every_form(write: Callable[[str], str], secret: str) -> None:
    kept = {"here": f'{{"before": "{write(secret)}"}}', "there": "something else"}
    assert find_secrets({"planted": secret, "another": "another secret"}, kept) == {("planted", "here")}


def is_silent(broker: InMemory, *private: str, **told: str) -> bool:
    """Whether the records, and what else was told, have neither the Auth Secret nor these words."""
    records = str([make_fields(record) for record in broker.records])
    return not find_secrets({word: word for word in (AUTH_SECRET, *private)}, {"records": records, **told})


QUOTING: dict[str, Any] = {
    "a secret that is no JSON": (SECRETS_URL, secret(text=f"not json: {AUTH_SECRET}")),
    "a secret with a stray member": (SECRETS_URL, secret(text=f'{{"auth_key": "{AUTH_SECRET}"}}')),
    "an AWS error that quotes": (SECRETS_URL, reply({"__type": AUTH_SECRET, "message": AUTH_SECRET}, 400)),
    "an api2 error that quotes": (TOKEN_URL, reply({"error": AUTH_SECRET, "message": AUTH_SECRET}, 400)),
    "an api2 page that quotes": (TOKEN_URL, reply(f"<html>{AUTH_SECRET}".encode(), 500)),
    "a token that is nonsense": (TOKEN_URL, minted(f"{AUTH_SECRET} and more")),
    "scopes that quote": (TOKEN_URL, minted(scope=AUTH_SECRET)),
    "keys that quote": (JWKS_URL, reply(f"{AUTH_SECRET}".encode(), 500)),
}


@pytest.mark.parametrize(("url", "answer"), QUOTING.values(), ids=QUOTING.keys())
def test_answers_of_other_servers_are_repeated_nowhere(url: str, answer: Any) -> None:
    """octo-sts CVE-2025-52477: fetch errors and bodies were echoed to callers and logs."""
    broker = InMemory()
    broker.web[url] = answer
    told = broker.post()
    assert told.status >= 500
    assert is_silent(broker, told=f"{told.body}{told.headers}")


@pytest.mark.parametrize("url", [JWKS_URL, SECRETS_URL, TOKEN_URL])
def test_the_words_of_an_exception_are_in_no_line_of_the_log(url: str) -> None:
    """Messages, causes and notes of exceptions quote the values at hand when they were raised."""

    def quote() -> Any:
        failure = RuntimeError(f"cannot read {AUTH_SECRET}")
        failure.add_note(AUTH_SECRET)
        raise failure from KeyError(AUTH_SECRET)

    broker = InMemory()
    broker.web[url] = quote
    with failures() as logged:
        told = broker.post()
    assert told.status == 500
    assert len(logged()) == 1
    assert is_silent(broker, told=f"{told.body}{told.headers}", log=str(logged()))


def test_no_log_level_makes_a_library_write_what_it_sends_or_reads(caplog: pytest.LogCaptureFixture) -> None:
    """botocore writes each request and answer at DEBUG. Lambda's application log level is the root logger's."""
    caplog.set_level(logging.DEBUG)
    web, clock = Web(), Clock()
    web[SECRETS_URL] = secret()
    access = ACCESS | {"aws_secret_access_key": "the-secret-key", "aws_session_token": "the-session-token"}
    manager = SecretsManager(lambda: Aws(web, clock, make_session(access), None))
    assert AUTH_SECRET in manager.read("transloadit/default", Deadline(clock, 15)).text
    private = {word: word for word in (AUTH_SECRET, "the-secret-key", "the-session-token")}
    assert find_secrets(private, {"log": caplog.text}) == set()


def test_a_record_holds_neither_jwt_nor_token_nor_key_nor_other_claims() -> None:
    broker = InMemory()
    jwt = broker.jwt(email="private@example.com", groups=["editors", "private group"])
    broker.post(jwt)
    broker.post(jwt[:-4] + "AAAA")
    broker.post(broker.jwt(email="private@example.com", groups=["private group"]))
    others = ("bearer-1", AUTH_KEY, "private@example.com", "private group")
    assert is_silent(broker, jwt, *jwt.split("."), *others)


FIELDS = [
    "scope",
    "aud",
    "audience",
    "credential",
    "grant_type",
    "client_id",
    "client_assertion",
    "client_assertion_type",
    "assertion",
    "subject_token",
    "subject_token_type",
    "requested_token_type",
    "resource",
    "password",
    AUTH_SECRET,
]


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("grant_type", GRANT_TYPES)
def test_a_field_of_an_unverified_sender_is_not_in_the_record(name: str, grant_type: str) -> None:
    """A pipeline that mixes up its variables sends its secret as `credential`, or its JWT as `scope`."""
    broker = InMemory()
    expired, sent = broker.jwt(exp=1), broker.jwt(sub="mallory")
    subject = {"subject_token": expired, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}
    for value in (AUTH_SECRET, f"assemblies:read {AUTH_SECRET}", *sent.split(".")):
        for proof in ({"assertion": expired}, subject, {}):
            body = urlencode({"grant_type": grant_type, **proof, name: value})
            for authorization in (None, f"Bearer {expired}"):
                assert send(broker, body, authorization=authorization).status >= 400
    assert is_silent(broker, *expired.split(".")[1:], *sent.split(".")[1:])


@pytest.mark.parametrize("name", ["authorization", "content_type", "dpop"])
@pytest.mark.parametrize("header", ["Bearer {}", "Basic {}", "{}", "Bearer {}.{}.{}", "Bearer {} {}"])
def test_a_header_of_an_unverified_sender_is_not_in_the_record(name: str, header: str) -> None:
    broker = InMemory()
    expired = broker.jwt(exp=1)
    for value in (AUTH_SECRET, expired):
        headers = {"authorization": f"Bearer {expired}"} | {name: header.replace("{}", value)}
        assert send(broker, GRANT, **headers).status >= 400
    assert is_silent(broker, *expired.split(".")[1:])


def test_an_answer_that_refuses_quotes_nothing_of_the_request() -> None:
    broker = InMemory()
    for answer in (
        broker.post(scope="quoted:scope"),
        broker.post(aud="quoted"),
        broker.post(credential="quoted"),
        broker.post(grant_type="quoted"),
        broker.post("quoted.quoted.quoted"),
        broker.post(broker.jwt(sub="quoted", groups=["quoted"])),
    ):
        assert answer.status >= 400
        assert "quoted" not in f"{answer.body}{answer.headers}"


def error_classes() -> list[type[BrokerError]]:
    found, wanting = [], [BrokerError]
    while wanting:
        found.append(wanting.pop())
        wanting.extend(found[-1].__subclasses__())
    return found


@pytest.mark.parametrize("error", error_classes())
def test_a_description_is_what_rfc_6749_section_5_2_allows(error: type[BrokerError]) -> None:
    assert all(" " <= sign <= "~" and sign not in '"\\' for sign in error.description)


def secret_members() -> list[tuple[type[Struct], str]]:
    """Every member, of every struct of the broker, that by its name or its type could hold a secret."""
    suspicious = {"secret", "auth_key", "auth_secret", "aws_access", "token", "jwt"}
    suspicious |= {"text", "body", "headers", "claims", "signature", "signing_input"}
    found = []
    for module in pkgutil.walk_packages(broker.__path__, "broker."):
        if module.name.endswith(("_api", "_function")):
            continue  # an entry point needs a deployment to be imported; it has no types that hold anything
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(kind, Struct) and kind.__module__ == module.name:
                found += [(kind, name) for name in kind.__struct_fields__ if name in suspicious]
    return found


@pytest.mark.parametrize(("kind", "name"), secret_members(), ids=str)
def test_no_representation_shows_a_member_that_could_hold_a_secret(kind: type[Struct], name: str) -> None:
    members = {each: each == name for each in kind.__struct_fields__}
    assert f"{name}=" not in repr(kind(**members))


def test_the_places_that_hold_secrets_are_known() -> None:
    assert {kind.__name__ for kind, _ in secret_members()} >= {
        "Proof",
        "Caller",
        "Credential",
        "Secret",
        "Settings",
        "Minted",
        "BearerToken",
        "HttpRequest",
        "Answer",
        "UnverifiedJwt",
    }
