"""What belongs to a Workspace: Templates, Template Credentials, Auth Keys, the bill and job slots."""

import json
from typing import Any

import pytest
from broker.policy.scopes import SCOPES

from local.sandbox import auth_keys
from local.sandbox.store import Bounded
from tests.kit.api2 import KEY, NARROW, OTHERS, STEPS, Api2


def test_a_template_is_made_found_by_id_and_name_changed_and_deleted(api2: Api2) -> None:
    status, made = api2.signed("POST", "/templates", name="my-template", template={"steps": STEPS})
    assert (status, made["ok"]) == (200, "TEMPLATE_CREATED")
    shown = {"name": "my-template", "content": {"steps": STEPS}, "require_signature_auth": 0}
    assert shown.items() <= made.items()
    found = api2.signed("GET", f"/templates/{made['id']}")[1]
    assert (
        found
        == api2.signed("GET", "/templates/my-template")[1]
        == made
        | {
            "ok": "TEMPLATE_FOUND",
            "message": "The Template was found.",
        }
    )
    changed = api2.signed(
        "PUT", f"/templates/{made['id']}", name="renamed", template=json.dumps({"steps": {}}), require_signature_auth=1
    )[1]
    assert (changed["ok"], changed["id"]) == ("TEMPLATE_UPDATED", made["id"])
    assert (changed["name"], changed["content"], changed["require_signature_auth"]) == ("renamed", {"steps": {}}, 1)
    assert api2.signed("DELETE", f"/templates/{made['id']}")[1]["ok"] == "TEMPLATE_DELETED"
    assert api2.signed("GET", f"/templates/{made['id']}")[1]["error"] == "TEMPLATE_NOT_FOUND"


def test_templates_are_listed_by_workspace_with_builtin_ones_on_request(api2: Api2) -> None:
    for name in ("first", "second"):
        api2.signed("POST", "/templates", name=name, template={"steps": STEPS})
        api2.advance(1)

    def names(**params: Any) -> list[str]:
        return [item["name"] for item in api2.signed("GET", "/templates", **params)[1]["items"]]

    assert names() == ["second", "first"]
    assert names(sort="name", order="asc", pagesize=1) == ["first"]
    assert names(keywords=["SECOND"]) == ["second"]
    assert names(include_builtin="all") == ["second", "first", "builtin/encode-hls-video"]
    assert (
        names(include_builtin="exclusively-latest")
        == names(key=OTHERS, include_builtin="latest")
        == ["builtin/encode-hls-video"]
    )
    assert names(key=OTHERS) == []


HLS = "builtin/encode-hls-video@0.0.1"


@pytest.mark.parametrize(
    "id_", [HLS, "builtin%2Fencode-hls-video%400.0.1", "builtin/encode-hls-video", "builtin/encode-hls-video@latest"]
)
def test_a_builtin_template_has_a_slash_and_stays_as_it_is(api2: Api2, id_: str) -> None:
    assert api2.signed("GET", f"/templates/{id_}")[1]["id"] == HLS
    assert api2.signed("DELETE", f"/templates/{id_}")[1]["error"] == "TEMPLATE_VALIDATION_ERROR"


@pytest.mark.parametrize("id_", [HLS, "builtin/encode-hls-video@latest"])
def test_an_assembly_is_made_by_a_builtin_template_with_the_steps_that_its_playlist_bundles(
    api2: Api2, id_: str
) -> None:
    made = api2.assembly(steps=None, template_id=id_)
    assert (made["template_id"], made["template_name"]) == (HLS, "builtin/encode-hls-video")
    api2.advance(10)
    assert list(api2.status(made)["results"]) == ["low", "mid", "high", "adaptive"]


def test_a_builtin_template_of_another_version_is_not_found(api2: Api2) -> None:
    assert api2.signed("GET", "/templates/builtin/encode-hls-video@9.9.9")[1]["error"] == "TEMPLATE_NOT_FOUND"


def test_a_builtin_template_is_never_forgotten(api2: Api2, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bounded, "__setitem__", lambda table, key, value: table.clear())
    api2.signed("POST", "/templates", name="my-template", template={"steps": STEPS})
    assert api2.signed("GET", f"/templates/{HLS}")[0] == 200


def test_there_are_a_thousand_auth_keys_at_most(api2: Api2, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth_keys, "MOST", 7)
    made = [api2.signed("POST", "/auth_keys", scope="read")[1] for _ in range(2)]
    assert ["ok" in each for each in made] == [True, False]
    assert "at most" in made[1]["message"]


def test_template_credentials_are_kept_with_what_they_hold(api2: Api2) -> None:
    content = {"key": "a", "secret": "b"}
    made = api2.signed("POST", "/template_credentials", name="my-bucket", type="s3", content=content)[1]
    assert made["ok"] == "TEMPLATE_CREDENTIALS_CREATED"
    credential = made["credential"]
    assert (credential["content"], json.loads(credential["stringified"])) == (content, content)
    path = f"/template_credentials/{credential['id']}"
    assert api2.signed("GET", path)[1] == made | {
        "ok": "TEMPLATE_CREDENTIALS_READ",
        "message": "Template Credentials: read.",
    }
    changed = api2.signed("PUT", path, name="other-bucket", type="ftp", content={})[1]
    assert (changed["ok"], changed["credential"]["type"]) == ("TEMPLATE_CREDENTIALS_UPDATED", "ftp")
    listed = api2.signed("GET", "/template_credentials", order="asc")[1]
    assert (listed["ok"], [each["name"] for each in listed["credentials"]]) == (
        "TEMPLATE_CREDENTIALS_FOUND",
        ["other-bucket"],
    )
    assert api2.signed("GET", "/template_credentials", key=OTHERS)[1]["credentials"] == []
    assert api2.signed("DELETE", path)[1]["ok"] == "TEMPLATE_CREDENTIALS_DELETED"
    assert api2.signed("GET", path)[1]["error"] == "TEMPLATE_CREDENTIALS_NOT_READ"


# As the live tests of the official client name what they make.
LIVE = "node-sdk-test-2026-11-25t00-49-36-277z-edited"


def test_names_are_those_of_the_vendor_s_own_live_tests(api2: Api2) -> None:
    made = api2.signed("POST", "/templates", name=LIVE, template={"steps": STEPS})[1]
    assert (made.get("ok"), made.get("name")) == ("TEMPLATE_CREATED", LIVE)
    made = api2.signed("POST", "/template_credentials", name=LIVE, type="s3", content={})[1]
    assert (made.get("ok"), made.get("credential", {}).get("name")) == ("TEMPLATE_CREDENTIALS_CREATED", LIVE)


@pytest.mark.parametrize("name", [f"{LIVE}s", "hls_720p", "Hls-720p", "h264", "hls-720p\n"])
def test_a_template_s_name_is_refused_where_no_live_test_has_one_like_it(api2: Api2, name: str) -> None:
    body = api2.signed("POST", "/templates", name=name, template={"steps": STEPS})[1]
    assert (body["error"], "5 to 45" in body["message"]) == ("TEMPLATE_VALIDATION_ERROR", True)


def test_template_credentials_are_found_by_their_name_too(api2: Api2) -> None:
    made = api2.signed("POST", "/template_credentials", name="my-bucket", type="s3", content={})[1]["credential"]
    assert api2.signed("GET", "/template_credentials/my-bucket")[1].get("credential") == made
    others = api2.signed("GET", "/template_credentials/my-bucket", key=OTHERS)[1]
    assert others["error"] == "TEMPLATE_CREDENTIALS_NOT_READ"


def test_template_credentials_come_in_pages_of_fifty_newest_first(api2: Api2) -> None:
    for number in range(51):
        api2.signed("POST", "/template_credentials", name=f"bucket-{number}", type="s3", content={})
        api2.advance(1)

    def names(**params: Any) -> list[str]:
        return [each["name"] for each in api2.signed("GET", "/template_credentials", **params)[1]["credentials"]]

    assert (names()[0], len(names())) == ("bucket-50", 50)
    assert (names(page=2), names(page=3)) == (["bucket-0"], [])
    assert names(page=2, order="asc") == ["bucket-50"]
    refused = api2.signed("GET", "/template_credentials", page=0)[1]
    assert refused["error"] == "TEMPLATE_CREDENTIALS_NOT_FOUND"


def test_the_types_of_template_credentials_are_listed(api2: Api2) -> None:
    body = api2.signed("GET", "/template_credentials/types")[1]
    assert (body["ok"], "s3" in body["types"]) == ("TEMPLATE_CREDENTIALS_TYPES_FOUND", True)


def test_an_auth_key_is_rotated_as_the_documentation_allows(api2: Api2) -> None:
    """Create a second one, mint with it, switch the first one off, delete it."""
    token = api2.bearer("auth_keys:read auth_keys:write")
    made = api2.by(token, "POST", "/auth_keys", scope="assemblies:read,templates:read", description="the next one")[1]
    assert made["ok"] == "AUTH_KEY_CREATED"
    key = made["auth_key"]
    assert (key["scope"], key["is_active"], key["description"]) == (
        "assemblies:read templates:read",
        True,
        "the next one",
    )
    assert api2.token(f"{key['auth_key']}:{key['auth_secret']}")[1]["scope"] == key["scope"]
    off = api2.by(token, "PUT", f"/auth_keys/{NARROW.id}", is_active=False)[1]
    assert (off["ok"], off["auth_key"]["is_active"]) == ("AUTH_KEY_UPDATED", False)
    assert api2.token(NARROW)[1]["error"] == "GET_ACCOUNT_UNKNOWN_AUTH_KEY"
    assert api2.by(token, "DELETE", f"/auth_keys/{NARROW.id}")[1]["ok"] == "AUTH_KEY_DELETED"
    listed = api2.by(token, "GET", "/auth_keys")[1]
    assert listed["ok"] == "AUTH_KEYS_FOUND"
    ids = [each["id"] for each in listed["auth_keys"]]
    assert key["id"] in ids
    assert NARROW.id not in ids
    assert all("auth_secret" not in each for each in listed["auth_keys"])


def test_a_secret_is_shown_where_the_key_allows_it(api2: Api2) -> None:
    made = api2.signed("POST", "/auth_keys", scope="read", can_show_auth_secret=1, auth_key="shown")[1]["auth_key"]
    shown = api2.signed("POST", f"/auth_keys/show_secret/{made['id']}")[1]
    assert (shown["ok"], shown["auth_key"]) == ("AUTH_SECRET_RETRIEVED", "shown")
    assert shown["auth_secret"] == made["auth_secret"]
    assert api2.signed("POST", f"/auth_keys/show_secret/{KEY.id}")[1]["error"] == "AUTH_SECRET_NOT_RETRIEVED"


def test_all_scopes_are_listed(api2: Api2) -> None:
    body = api2.signed("GET", "/auth_keys/scopes")[1]
    assert (body["ok"], body["scopes"]) == ("AUTH_KEY_SCOPES_FOUND", list(SCOPES))


def test_a_key_without_any_right_to_keys_may_revoke_itself_by_a_signature(api2: Api2) -> None:
    path, token = "/auth_keys/self", api2.bearer(key=NARROW)
    assert api2.by(token, "DELETE", path, action="revoke_auth_key")[1]["error"] == "AUTH_KEY_NOT_DELETED"
    assert api2.signed("DELETE", path, key=NARROW, action="revoke_auth_key")[1]["ok"] == "AUTH_KEY_DELETED"
    assert api2.token(NARROW)[1]["error"] == "GET_ACCOUNT_UNKNOWN_AUTH_KEY"


def test_a_month_that_has_begun_has_a_bill_and_one_to_come_is_200_with_an_error(api2: Api2) -> None:
    api2.signed("POST", "/assemblies", files={"f": ("a.txt", b"abc")}, steps=STEPS)
    # The official command line writes its default month without a zero.
    for month in ("2027-01", "2027-1"):
        status, body = api2.signed("GET", f"/bill/{month}")
        assert (status, body["ok"], body["bytes_usage"], body.get("total")) == (200, "BILL_FOUND", 3, 0)
        assert body["billing_period"] == "2027-01"
    for month in ("2027-02", "2026-13", "now"):
        status, body = api2.signed("GET", f"/bill/{month}")
        assert (status, body["error"], body["http_code"]) == (200, "BILL_NOT_FOUND", 200)


def test_a_job_slot_is_taken_while_an_assembly_executes(api2: Api2) -> None:
    made = api2.assembly()
    body = api2.signed("GET", "/queues/job_slots")[1]
    assert (body["ok"], body["priority_job_slots"]["count"]) == ("PRIORITY_JOB_SLOTS_FOUND", 1)
    assert body["priority_job_slots"]["slots"][0]["assembly_id"] == made["assembly_id"]
    api2.advance(10)
    assert api2.signed("GET", "/queues/job_slots")[1]["priority_job_slots"] == {"count": 0, "slots": []}
