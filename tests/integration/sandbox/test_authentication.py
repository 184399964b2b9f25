"""Authentication of requests. The refusals are rows of test_errors.py."""

import json
from typing import Any

import pytest

from local.sandbox.model import Settings, Workspace
from tests.integration.sandbox.conftest import Start
from tests.kit.api2 import KEY, PINNED, READER, STEPS, Api2, sign

IMPORT = {"imported": {"robot": "/transloadit/import", "path": "a.jpg"}}


@pytest.fixture
def lax(start: Start) -> Api2:
    """A Workspace that does not enforce signatures."""
    return start(Settings(workspaces=(Workspace(require_signature=False),)))


def by_key_alone(api2: Api2, method: str, path: str, auth: dict[str, Any] | None = None, **params: Any) -> Any:
    text = json.dumps({"auth": {"key": KEY.key, **(auth or {})}, **params})
    return api2.with_fields(method, path, {"params": text})


@pytest.mark.parametrize(
    ("params", "status", "error"),
    [
        ('{"auth": {"key": "key-2"}}', 403, "BEARER_TOKEN_AUTH_KEY_MISMATCH"),
        ('{"auth": {"key": "key-1"}}', 200, None),
        ("{}", 200, None),
        (None, 200, None),
        ("", 200, None),
    ],
)
def test_a_key_beside_a_bearer_must_be_its_own_and_no_signature_is_looked_at(
    api2: Api2, params: str | None, status: int, error: str | None
) -> None:
    fields = {"signature": "sha384:wrong"} | ({} if params is None else {"params": params})
    headers = {"authorization": f"Bearer {api2.bearer()}"}
    got, body = api2.with_fields("GET", "/assemblies", fields, headers)
    assert (got, body.get("error")) == (status, error)


@pytest.mark.parametrize("files", [None, {}], ids=["urlencoded", "multipart"])
def test_a_write_is_read_from_either_kind_of_form(api2: Api2, files: dict[str, Any] | None) -> None:
    assert api2.signed("POST", "/assemblies", files=files, steps=STEPS)[0] == 200


def test_a_bearer_may_write_without_any_form(api2: Api2) -> None:
    headers = {"authorization": f"Bearer {api2.bearer()}"}
    assert api2.send("POST", "/assemblies", headers=headers)[1]["error"] == "ASSEMBLY_NO_STEPS"
    assert api2.send("DELETE", "/templates/none", headers=headers)[1]["error"] == "TEMPLATE_NOT_FOUND"


def test_a_coarse_scope_covers_all_reads_and_no_write(api2: Api2) -> None:
    token = api2.bearer(key=READER)
    assert api2.by(token, "GET", "/templates")[0] == 200
    assert api2.by(token, "POST", "/templates")[1]["error"] == "INSUFFICIENT_AUTH_SCOPE"


def test_a_signature_has_no_more_scope_than_its_key(api2: Api2) -> None:
    assert api2.signed("GET", "/assemblies", key=PINNED, algorithm="sha256")[0] == 200
    assert api2.signed("GET", "/templates", key=PINNED, algorithm="sha256")[1]["error"] == "INSUFFICIENT_AUTH_SCOPE"
    assert api2.log()[-1]["caller"] == "signature of key-4"


@pytest.mark.parametrize("algorithm", ["sha384", "sha256", "sha1", "bare-sha1"])
def test_each_algorithm_signs_where_the_key_is_not_pinned(api2: Api2, algorithm: str) -> None:
    assert api2.signed("GET", "/assemblies", algorithm=algorithm)[0] == 200


def test_a_pinned_key_takes_no_other_algorithm(api2: Api2) -> None:
    body = api2.signed("GET", "/assemblies", key=PINNED, algorithm="sha384")[1]
    assert (body["error"], body["message"]) == ("INVALID_SIGNATURE", "This Auth Key signs with sha256 only")


def test_an_unknown_algorithm_has_another_message_than_a_wrong_signature(api2: Api2) -> None:
    text = json.dumps({"auth": {"key": "key-1", "expires": "2030-01-01T00:00:00Z"}})
    sent = [{"params": text, "signature": f"{algorithm}:00"} for algorithm in ("md5", "sha384")]
    assert [api2.with_fields("GET", "/assemblies", each)[1]["message"] for each in sent] == [
        "unknown algorithm; one of sha1, sha256, sha384",
        "The signature does not fit the params and the Auth Secret",
    ]


@pytest.mark.parametrize("expires", ["2030/01/01 00:00:00+00:00", "2030-01-01T00:00:00.000Z", "2030-01-01T00:00:00Z"])
def test_each_spelling_of_expires_is_read(api2: Api2, expires: str) -> None:
    assert api2.signed("GET", "/assemblies", auth={"expires": expires})[0] == 200


def test_the_signature_is_over_the_text_as_sent(api2: Api2) -> None:
    text = '{"auth":{"key":"key-1","expires":"2030-01-01T00:00:00Z"},  "keywords": ["\u00e9 \\u00e9 +&%"]}'
    fields = {"params": text, "signature": sign(text, KEY)}
    assert api2.with_fields("GET", "/assemblies", fields)[0] == 200


@pytest.mark.parametrize("path", ["/bill/2027-01", "/auth_keys", "/template_credentials"])
def test_a_signature_is_good_once_where_the_contract_says_so(api2: Api2, path: str) -> None:
    same = {"nonce": "one"}
    assert api2.signed("GET", path, auth=same)[0] == 200
    assert api2.signed("GET", path, auth=same)[1]["error"] == "SIGNATURE_REUSE_DETECTED"
    assert api2.signed("GET", path, auth={"nonce": "two"})[0] == 200
    assert api2.signed("GET", path, auth=same | {"key": "key-1"}, nonce=3)[0] == 200


def test_a_signature_works_many_times_elsewhere_so_that_clients_without_a_nonce_work(api2: Api2) -> None:
    for _ in range(2):
        assert api2.signed("GET", "/assemblies", auth={"nonce": None})[0] == 200


@pytest.mark.parametrize(("referer", "status"), [(None, 200), ("https://a.example/p", 200), ("https://b.example", 400)])
def test_a_referer_must_match_where_it_is_sent(api2: Api2, referer: str | None, status: int) -> None:
    headers = {"Referer": referer} if referer else {}
    assert api2.signed("GET", "/assemblies", auth={"referer": r"a\.example"}, headers=headers)[0] == status


def test_an_auth_key_alone_is_enough_where_signatures_are_not_enforced(lax: Api2) -> None:
    assert by_key_alone(lax, "GET", "/assemblies")[0] == 200
    assert lax.log()[-1]["caller"] == "key of key-1"
    assert by_key_alone(lax, "POST", "/assemblies", steps=STEPS)[0] == 200


def test_a_wrong_signature_is_refused_even_if_none_is_needed(lax: Api2) -> None:
    wrong = {"params": '{"auth": {"key": "key-1"}}', "signature": "sha384:00"}
    assert lax.with_fields("GET", "/assemblies", wrong)[1]["error"] == "INVALID_SIGNATURE"
    assert by_key_alone(lax, "GET", "/assemblies", {"expires": "2020-01-01T00:00:00Z"})[1]["error"] == "AUTH_EXPIRED"


def test_a_cancelled_workspace_wants_a_signature_all_the_same(lax: Api2) -> None:
    lax.control("workspace", slug="sandbox", cancelled=True)
    assert by_key_alone(lax, "GET", "/assemblies")[1]["error"] == "NO_AUTH_EXPIRES_PARAMETER"
    assert lax.signed("GET", "/assemblies")[0] == 200


def test_a_template_may_demand_a_signature_of_its_own(lax: Api2) -> None:
    made = lax.signed("POST", "/templates", name="guarded", template={"steps": STEPS}, require_signature_auth=1)[1]
    named = {"template_id": made["id"]}
    assert by_key_alone(lax, "POST", "/assemblies", **named)[1]["error"] == "NO_AUTH_EXPIRES_PARAMETER"
    in_time = {"expires": "2030-01-01T00:00:00Z"}
    assert by_key_alone(lax, "POST", "/assemblies", in_time, **named)[1]["error"] == "NO_SIGNATURE_FIELD"
    assert lax.signed("POST", "/assemblies", **named)[0] == 200
    assert lax.by(lax.bearer(), "POST", "/assemblies", **named)[0] == 200


def test_a_replay_demands_what_creating_does(lax: Api2) -> None:
    lax.signed("POST", "/templates", name="guarded", template={"steps": STEPS}, require_signature_auth=1)
    for made in (lax.assembly(steps=IMPORT), lax.assembly(template_id="guarded"), lax.assembly()):
        lax.advance(10)
        path = f"/assemblies/{made['assembly_id']}/replay"
        more: dict[str, Any] = {} if made["template_id"] or "imported" in made["merged_params"] else {"steps": IMPORT}
        assert by_key_alone(lax, "POST", path, **more)[1]["error"] == "NO_AUTH_EXPIRES_PARAMETER"
        assert lax.signed("POST", path, **more)[0] == lax.by(lax.bearer(), "POST", path, **more)[0] == 200


def test_an_import_from_transloadit_s_storage_needs_a_signature_or_a_bearer(lax: Api2) -> None:
    assert by_key_alone(lax, "POST", "/assemblies", steps=IMPORT)[1]["error"] == "NO_AUTH_EXPIRES_PARAMETER"
    assert lax.by(lax.bearer(), "POST", "/assemblies", steps=IMPORT)[0] == 200


def test_the_id_in_the_url_is_enough_for_status_and_cancel(api2: Api2) -> None:
    made = api2.assembly(expected=1)
    assert api2.status(made)["ok"] == "ASSEMBLY_UPLOADING"
    assert api2.send("DELETE", made["assembly_ssl_url"])[1]["ok"] == "ASSEMBLY_CANCELED"
