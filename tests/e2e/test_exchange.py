"""The exchange as a caller sees it: the built artifact under the emulator, behind the gateway."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.kit.jwts import Signer
from tests.kit.outside import Site, says
from tests.kit.servers import serving
from tests.kit.stacks import Client, running_stack
from tests.kit.waiting import wait_until

OWN_ISSUER = """
version: 1
credentials: {{default: {{}}}}
issuers:
  own:
    issuer: {issuer}
    audiences: [https://tokens.example.com]
    algorithms: [ES256]
    keys: {keys}
rules:
  - {{name: nightly, issuer: own, when: {{sub: job-7}}, scopes: [queues:read]}}
"""


def test_the_token_opens_api2_and_a_second_call_gets_the_same_one_with_less_left(tmp_path: Path) -> None:
    with running_stack(tmp_path, Path("local/policy.yaml"), workers=1) as client:
        jwt = client.jwt()
        first = client.post(jwt)
        answered_at = client.now
        assert first.status == 200
        assert first.body.keys() == {"access_token", "token_type", "expires_in", "scope"}
        assert first.headers["cache-control"] == "no-store"
        listed = client.api2.by(first.body["access_token"], "GET", "/assemblies")
        assert listed == (200, {"count": 0, "items": []})
        # `expires_in` is in whole seconds, so it is smaller in a later second.
        wait_until(lambda: client.now > answered_at + 1)
        second = client.post(jwt)
        assert second.body["access_token"] == first.body["access_token"]
        assert second.body["expires_in"] < first.body["expires_in"]
        assert client.mints == 1


def test_many_callers_on_two_environments_cause_one_mint(client: Client) -> None:
    before, jwt = client.mints, client.jwt(sub="a crowd", groups=["personal"])
    with ThreadPoolExecutor(12) as callers:
        answers = list(callers.map(client.post, [jwt] * 12))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body["access_token"] for answer in answers}) == client.mints - before == 1
    states = [client.record_of(answer)["cache"] for answer in answers]
    assert {"miss", "shared"} <= set(states)


def test_a_jwt_of_an_issuer_with_once_is_good_once(client: Client) -> None:
    jwt = client.jwt(aud="once", jti="j1")
    assert client.post(jwt).status == 200
    answer = client.post(jwt)
    assert (answer.status, answer.body["error"]) == (401, "invalid_token")
    assert client.record_of(answer)["reason"] == "seen before"


def test_callers_with_tokens_of_their_own_do_not_share(client: Client) -> None:
    tokens = {
        client.post(client.jwt(sub=name, groups=["personal"])).body["access_token"] for name in ("ann", "ben", "cleo")
    }
    assert len(tokens) == 3


def test_a_grant_of_all_scopes_is_minted_without_a_scope(clean: Client) -> None:
    answer = clean.post(clean.jwt(groups=["admins"]))
    assert answer.status == 200
    assert {"auth_keys:write", "billing:read"} <= set(answer.body["scope"].split())
    # The other environment may have minted it before: then nothing is sent at all.
    forms = clean.api2.send("GET", "/_sandbox/forms")[1]
    assert all(form == {"grant_type": "client_credentials", "aud": "api2"} for form in forms)


def test_a_5xx_that_a_second_try_overcomes_is_not_seen_by_the_caller(clean: Client) -> None:
    clean.api2.fault(status=503, times=1)
    answer = clean.post(clean.jwt(sub="lucky", groups=["personal"]))
    assert answer.status == 200
    assert clean.record_of(answer)["mints"] == 2


def test_logs_hold_neither_secret_nor_token_nor_caller_jwt(client: Client) -> None:
    jwt = client.jwt(sub="logged")
    token = client.post(jwt).body["access_token"]
    client.post(jwt[:-6] + "AAAAAA")
    text = "\n".join(client.log_lines())
    assert "logged" in text
    for secret in (client.stack["auth_secret"], token, jwt, jwt.split(".")[1]):
        assert secret not in text


def test_an_event_that_is_not_api_gateway_s_is_an_error_of_the_function(client: Client) -> None:
    answer = client.invoke(b'{"source": "aws.events"}')
    assert answer.headers["x-amz-function-error"] == "Unhandled"
    assert answer.body["errorType"] == "BrokerFault"


@pytest.mark.parametrize("name", ["token", "health"])
def test_a_recorded_event_is_answered_on_the_invoke_url(client: Client, name: str) -> None:
    event = json.loads(Path(f"tests/events/{name}.json").read_text())
    if name == "token":
        event["headers"]["authorization"] = f"Bearer {client.jwt()}"
    answer = client.invoke(json.dumps(event).encode())
    assert "x-amz-function-error" not in answer.headers
    assert answer.body["statusCode"] == 200


@pytest.mark.parametrize("keys", ["discovery", "inline"])
def test_another_policy_with_another_issuer_gives_its_caller_a_token(tmp_path: Path, keys: str) -> None:
    signer, site = Signer("ES256"), Site()
    with serving(site.app) as origin:
        site.answers = {"": says({"issuer": origin, "jwks_uri": f"{origin}/keys"}), "/keys": says(signer.jwks())}
        issuer = origin if keys == "discovery" else "nightly-batch"
        shown = "discovery" if keys == "discovery" else f"{{jwks: {json.dumps(signer.jwks())}}}"
        policy = tmp_path / "policy.yaml"
        policy.write_text(OWN_ISSUER.format(issuer=issuer, keys=shown))
        with running_stack(tmp_path / "stack", policy, workers=1) as client:
            claims = {"iss": issuer, "sub": "job-7", "aud": "https://tokens.example.com", "exp": client.now + 60}
            answer = client.post(signer.jwt(claims))
            assert (answer.status, answer.body["scope"]) == (200, "queues:read")
