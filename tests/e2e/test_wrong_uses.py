"""The ten wrong uses of callers, against the stack: each message names the cause and the next step."""

import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from token_broker_client import TokenError, TokenProvider

from tests.kit.stacks import Client

URL, FILE, TEXT = "TRANSLOADIT_BROKER_URL", "TRANSLOADIT_IDENTITY_TOKEN_FILE", "TRANSLOADIT_IDENTITY_TOKEN"
Ask = Callable[..., TokenError]


@pytest.fixture
def ask(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask with a JWT of these claims in a file; variables and options may be wrong. Returns the error."""
    for name in [name for name in os.environ if name.startswith(("TRANSLOADIT_", "ACTIONS_ID_TOKEN"))]:
        monkeypatch.delenv(name)

    def asked(
        variables: dict[str, str] | None = None, options: dict[str, Any] | None = None, **claims: Any
    ) -> TokenError:
        (tmp_path / "jwt").write_text(client.jwt(**claims))
        told = {URL: client.stack["broker_url"], FILE: str(tmp_path / "jwt"), **(variables or {})}
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(TokenError) as raised:
            TokenProvider(**(options or {}))()
        return raised.value

    return asked


def check(error: TokenError, code: str, *words: str) -> None:
    assert error.code == code, error
    for word in words:
        assert word in str(error)
    assert "eyJ" not in str(error)  # as every JWT begins


def test_no_identity(ask: Ask) -> None:
    check(ask({FILE: ""}), "no_identity", f"set {FILE} to a file with a JWT, or {TEXT} to a JWT")


def test_an_expired_file(ask: Ask, client: Client, tmp_path: Path) -> None:
    error = ask(iat=client.now - 1500, exp=client.now - 1200)
    check(error, "invalid_token", f"the JWT of the file {tmp_path / 'jwt'} expired 20 minutes ago", "must be renewed")


def test_a_wrong_audience(ask: Ask) -> None:
    check(ask(aud="https://elsewhere.example"), "invalid_token", 'is "https://elsewhere.example"', "policy says which")


def test_a_caller_without_a_rule(ask: Ask) -> None:
    error = ask(groups=["strangers"])
    check(error, "access_denied", "`token-broker policy explain`", f"request id {error.request_id}")
    assert (error.status, bool(error.request_id)) == (403, True)


def test_a_caller_past_its_budget(ask: Ask, client: Client) -> None:
    caller = {"sub": "a-busy-caller", "groups": ["many", "personal"]}
    names = ["assemblies:read", "assemblies:write", "billing:read", "queues:read", "templates:read"]
    subsets = (
        " ".join((*subset, "templates:read")) for n in (1, 2) for subset in itertools.combinations(names[:-1], n)
    )
    answers = [client.post(client.jwt(**caller), scope=scope).status for scope in subsets]
    assert 429 in answers or answers.count(200) == 10
    waits: list[float] = []
    options = {"scope": " ".join(names), "sleep": waits.append}
    error = ask(None, options, **caller)
    check(error, "temporarily_unavailable", "too many new tokens for this caller; try again in")
    assert error.status == 429
    assert error.retry_after is not None
    assert all(wait >= error.retry_after for wait in waits)


def test_a_broker_that_nobody_knows(ask: Ask) -> None:
    check(
        ask({URL: "https://tokens.invalid"}), "unreachable", "https://tokens.invalid", "name is unknown; check the URL"
    )


def test_a_broker_by_http(ask: Ask) -> None:
    check(ask({URL: "http://tokens.example.com"}), "bad_url", f"{URL} must begin with https://", "nothing was sent")


def test_two_identities(ask: Ask) -> None:
    check(ask({TEXT: "a.b.c"}), "two_identities", f"both {FILE} and {TEXT} are set; unset one")


def test_a_scope_beyond_the_policy(ask: Ask) -> None:
    check(ask(None, {"scope": "billing:read"}), "invalid_scope", "ask for fewer scopes, or for none")


def test_a_clock_that_is_wrong(ask: Ask, client: Client) -> None:
    options = {"clock": lambda: time.time() - 1200}
    error = ask(None, options, iat=client.now - 1200, exp=client.now - 900)
    check(error, "invalid_token", "the clock of this machine is 20 minutes behind the broker's; set it")
