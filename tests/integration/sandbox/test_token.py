"""`POST /token`: the tokens that it mints. Its refusals are rows of test_errors.py."""

import pytest
import urllib3

from local.sandbox.model import Limit, Settings, Workspace
from tests.integration.sandbox.conftest import Start
from tests.kit.api2 import GRANT, KEY, NARROW, READER, Api2


def test_a_token_has_the_documented_members_and_the_scopes_asked_in_their_order(api2: Api2) -> None:
    status, body = api2.token(scope="templates:read, assemblies:read templates:read")
    assert status == 200
    assert {name: body[name] for name in body if name != "access_token"} == {
        "token_type": "Bearer",
        "expires_in": 21600,
        "scope": "templates:read assemblies:read",
    }
    assert len(body["access_token"]) >= 32


def test_a_token_for_which_no_scope_was_named_has_all_of_the_key(api2: Api2) -> None:
    assert api2.token(NARROW)[1]["scope"] == "assemblies:read assemblies:write templates:read"


def test_a_refusal_names_the_scopes_that_are_not_held_and_those_that_are_accepted(api2: Api2) -> None:
    body = api2.token(NARROW, scope="billing:read assemblies:read queues:read")[1]
    assert body["message"] == "The Auth Key does not hold billing:read, queues:read"
    assert api2.token(aud="elsewhere")[1]["message"] == "aud is api2 or mcp"


def test_extra_fields_are_borne_and_their_values_are_not_shown(api2: Api2) -> None:
    assert api2.token(client_secret="hush", aud="mcp")[0] == 200
    assert api2.send("GET", "/_sandbox/forms")[1] == [{**GRANT, "client_secret": "…", "aud": "mcp"}]


@pytest.mark.parametrize(("asked", "shown"), [({}, "api2"), ({"aud": "mcp"}, "mcp")], ids=["default", "named"])
def test_the_audience_is_kept_and_shown_wherever_the_token_is_used(
    api2: Api2, asked: dict[str, str], shown: str
) -> None:
    token = api2.token(READER, **asked)[1]["access_token"]
    assert api2.by(token, "GET", "/assemblies")[0] == 200
    assert [entry["caller"] for entry in api2.log()] == [
        f"basic of key-3 (aud {shown}: read)",
        f"bearer of key-3 (aud {shown}: read)",
    ]


WAYS = [  # the aud of the token, the MCP service's mark, and the outcome
    ("api2", {}, 200),
    ("mcp", {"Transloadit-Mcp-Upstream": "the relay's secret"}, 200),
    ("mcp", {}, 403),
    ("api2", {"Transloadit-Mcp-Upstream": "the relay's secret"}, 403),
]


@pytest.mark.parametrize(("aud", "mark", "status"), WAYS)
def test_where_the_audience_is_enforced_a_token_is_good_on_the_way_that_it_is_for(
    start: Start, aud: str, mark: dict[str, str], status: int
) -> None:
    api2 = start(Settings(workspaces=(Workspace(enforce_aud=True),)))
    headers = {"authorization": f"Bearer {api2.token(aud=aud)[1]['access_token']}"} | mark
    answer = api2.send("GET", "/assemblies", headers=headers)
    assert answer[0] == status
    assert status == 200 or answer[1]["error"] == "TOKEN_INVALID_AUDIENCE"


def test_enforcing_the_audience_is_switched_while_the_sandbox_runs(api2: Api2) -> None:
    headers = {"authorization": f"Bearer {api2.token(aud='mcp')[1]['access_token']}"}
    seen = []
    for switch in (False, True, False):
        assert api2.control("workspace", slug="sandbox", enforce_aud=switch)[0] == 200
        seen.append(api2.send("GET", "/assemblies", headers=headers)[0])
    assert seen == [200, 403, 200]


def test_a_request_without_basic_is_challenged(api2: Api2) -> None:
    answer = api2.raw("POST", "/token", body="")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="Transloadit"')


def test_the_answer_is_kept_by_no_cache(api2: Api2) -> None:
    headers = urllib3.make_headers(basic_auth=f"{KEY.key}:{KEY.secret}")
    answer = api2.raw("POST", "/token", fields=GRANT, encode_multipart=False, headers=headers)
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")


def test_a_token_lives_six_hours_by_a_clock_that_moves(api2: Api2) -> None:
    token = api2.bearer()
    api2.advance(21_599)
    assert api2.by(token, "GET", "/assemblies")[0] == 200
    api2.advance(1)
    assert api2.by(token, "GET", "/assemblies")[1]["error"] == "BEARER_TOKEN_EXPIRED"


def test_a_cancelled_workspace_mints_nothing_and_still_reads_what_is_signed(api2: Api2) -> None:
    token = api2.bearer()
    api2.control("workspace", slug="sandbox", cancelled=True)
    assert api2.token()[1]["error"] == "TOKEN_INVALID_CREDENTIALS"
    assert api2.by(token, "GET", "/assemblies")[1]["error"] == "BEARER_TOKEN_INVALID"
    assert api2.signed("GET", "/assemblies")[0] == 200
    assert api2.signed("POST", "/assemblies")[1]["error"] == "SERVER_403"
    api2.control("workspace", slug="sandbox", cancelled=False)
    assert api2.by(token, "GET", "/assemblies")[0] == 200


def test_a_limit_tells_when_to_come_again_and_then_lets_in(start: Start) -> None:
    api2 = start(Settings(token_limit=Limit(2, 60)))
    assert [api2.token()[0], api2.token()[0]] == [200, 200]
    headers = urllib3.make_headers(basic_auth=f"{KEY.key}:{KEY.secret}")
    answer = api2.raw("POST", "/token", fields=GRANT, encode_multipart=False, headers=headers)
    assert (answer.status, answer.headers["retry-after"]) == (429, "60")
    assert answer.json() == {
        "error": "RATE_LIMIT_REACHED",
        "message": "Request limit reached",
        "info": {"retryIn": 60},
    }
    assert api2.token(NARROW)[0] == 200
    api2.advance(60)
    assert api2.token()[0] == 200


def test_a_token_outlives_its_key_but_the_key_mints_no_more(api2: Api2) -> None:
    token = api2.bearer(key=NARROW)
    api2.signed("PUT", f"/auth_keys/{NARROW.id}", is_active=False)
    assert api2.token(NARROW)[1]["error"] == "GET_ACCOUNT_UNKNOWN_AUTH_KEY"
    assert api2.by(token, "GET", "/assemblies")[0] == 200


def test_cors_is_open_everywhere_but_on_token(api2: Api2) -> None:
    preflight = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    answer = api2.raw("OPTIONS", "/assemblies", headers=preflight)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert {"Transloadit-Client", "Authorization"} <= set(answer.headers["access-control-allow-headers"].split(", "))
    assert "access-control-allow-origin" not in api2.raw("OPTIONS", "/token", headers=preflight).headers


def test_secrets_and_tokens_show_neither_in_a_representation_nor_in_the_log(api2: Api2) -> None:
    token = api2.bearer()
    api2.by(token, "GET", "/assemblies")
    api2.signed("GET", "/assemblies")
    assert KEY.secret not in repr(KEY)
    shown = str(api2.log())
    assert all(secret not in shown for secret in (token, KEY.secret, "sha384"))
