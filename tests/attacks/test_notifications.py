"""Notifications that nobody sealed a callback for, or that api2 did not sign: nothing is asked before its turn."""

import base64
import hmac
import json

import pytest

from tests.kit.notifications import (
    ASSEMBLY_ID,
    DAY,
    KEY_ID,
    SECRET,
    Reception,
    sign,
)
from tests.kit.policies import assemble_form, assemble_rule, policy

OTHER_ID = "fedcba98765443218fedcba987654321"
CREDENTIAL = ("transloadit/default", "AWSCURRENT")
BEFORE = ("transloadit/default", "AWSPREVIOUS")
NEW_KEY, NEWEST_KEY = "22" * 32, "33" * 32

MEGABYTE = 1_000_000


@pytest.mark.parametrize("c", ["", "x", "AAAA", "A" * 64, "A" * 7000, "=", "\u00e4", "a,b", "../token"])
def test_what_is_no_sealed_callback_costs_neither_a_secret_nor_a_call_of_api2(c: str) -> None:
    reception = Reception()
    assert reception.refuses(reception.post(c=c), 400)
    assert reception.has_learned_nothing()


def test_the_body_is_not_looked_at_before_the_callback_opens() -> None:
    reception = Reception()
    assert reception.refuses(reception.send(b"x" * (MEGABYTE + 1), "image/png", c="AAAA"), 400)
    assert reception.record.reason == "the callback does not open"


@pytest.mark.parametrize("place", [0, 11, 12, 30, -1])
def test_a_sealed_callback_of_which_a_bit_was_changed_does_not_open(place: int) -> None:
    reception = Reception()
    data = bytearray(base64.urlsafe_b64decode(reception.sealed + "=="))
    data[place] ^= 1
    assert reception.refuses(reception.post(c=base64.urlsafe_b64encode(data).rstrip(b"=").decode()), 400)
    assert reception.has_learned_nothing()


def test_a_sealed_callback_of_another_assembly_does_not_open() -> None:
    reception = Reception()
    other = reception.seal(id_=OTHER_ID)
    assert reception.refuses(reception.post(c=other), 400)
    assert reception.refuses(reception.post(id_=OTHER_ID), 400)
    assert reception.has_learned_nothing()


@pytest.mark.parametrize(
    "id_", ["", "x", ASSEMBLY_ID.upper(), f"{ASSEMBLY_ID}/", "../token", "\u00e4", "\ud800", "a" * 9000]
)
def test_a_path_with_another_id_does_not_open_and_is_not_in_the_record(id_: str) -> None:
    reception = Reception()
    assert reception.refuses(reception.post(id_=id_), 400)
    assert reception.record.assembly is not None
    assert reception.record.assembly.id_sha256 is None
    assert reception.has_learned_nothing()


def test_a_callback_opens_until_it_expires_and_no_longer() -> None:
    reception = Reception()
    reception.clock.advance(7 * DAY - 1)
    assert reception.post().status == 200
    late = Reception()
    late.clock.advance(7 * DAY)
    assert late.refuses(late.post(), 400)
    assert late.has_learned_nothing()


def test_a_callback_of_a_credential_that_makes_no_assemblies_any_more_does_not_open() -> None:
    reception = Reception()
    gone = reception.seal(credential="shop")
    assert reception.refuses(reception.post(c=gone), 400)
    assert reception.has_learned_nothing()


def test_a_callback_sealed_under_another_key_does_not_open() -> None:
    reception = Reception()
    assert reception.refuses(reception.post(c=reception.seal(key=NEW_KEY)), 400)
    assert reception.has_learned_nothing()


def test_a_flood_of_callbacks_that_do_not_open_reads_the_pipeline_key_once_a_minute() -> None:
    reception = Reception()
    for _ in range(3):
        for _ in range(50):
            assert reception.refuses(reception.post(c="A" * 64), 400)
        reception.clock.advance(60)
    assert reception.vault.reads == [(KEY_ID, "AWSCURRENT"), (KEY_ID, "AWSPREVIOUS")] * 3


def test_a_forged_notification_is_refused_without_a_call_of_api2() -> None:
    reception = Reception()
    text = reception.text()
    good = sign(text)
    forged = [
        sign(text, "another-secret"),
        sign(text + " "),
        sign(text, algorithm="sha1"),
        sign(text, algorithm="sha512"),
        good.partition(":")[2],
        sign(text, algorithm="sha1").partition(":")[2],
        good.upper(),
        good.replace("sha384", "sha256"),
        good[:-1],
        good[:-1] + ("1" if good.endswith("0") else "0"),
        good + "0",
        f"sha384:{'0' * 96}",
        "sha384:",
        ":",
        f" {good}",
        f"{good}\n",
        "none:",
    ]
    for signature in forged:
        assert reception.refuses(reception.post(text, signature), 403)
    assert reception.asked == 0


@pytest.mark.parametrize("algorithm", ["sha384", "sha256"])
def test_both_of_api2_s_algorithms_are_accepted(algorithm: str) -> None:
    reception = Reception()
    text = reception.text()
    assert reception.post(text, sign(text, algorithm=algorithm)).status == 200


def test_the_text_is_verified_byte_for_byte() -> None:
    reception = Reception()
    text = json.dumps(
        reception.status(note="\u00fcber + % & = \\ \r\n \u2028 \U0001f600"), indent=2, ensure_ascii=False
    )
    assert reception.post(text).status == 200
    assert reception.post_multipart({"transloadit": text, "signature": sign(text)}).status == 200
    again = json.dumps(json.loads(text))
    assert reception.post(again, sign(text)).status == 403


def test_a_signature_of_another_kind_by_the_same_secret_is_no_notification() -> None:
    """The Auth Secret signs Assembly parameters, Smart CDN URLs and Storage grants as well, for callers to hold."""
    reception = Reception()
    auth = {"key": "the-auth-key", "expires": "2027-01-15T08:05:00.000Z", "nonce": "ab"}
    fields = {"assembly_id": ASSEMBLY_ID, "ok": "ASSEMBLY_COMPLETED"}
    params = json.dumps({"auth": auth, "template_id": "0" * 32, "fields": fields, "steps": {"assembly_id": fields}})
    url = f"acme/serve-thumb/{ASSEMBLY_ID}?auth_key=the-auth-key&exp=1800003600000"
    claims = {"v": 1, "bucket": "acme", "prefix": f"{ASSEMBLY_ID}/", "scopes": ["read"], "iat": 1, "exp": 2}
    grant = ".".join(
        base64.urlsafe_b64encode(json.dumps(each).encode()).decode() for each in ({"alg": "HS256"}, claims)
    )
    for text, algorithm in ((params, "sha384"), (params, "sha256"), (url, "sha256"), (grant, "sha256")):
        assert reception.refuses(reception.post(text, sign(text, algorithm=algorithm)), 400)
    digest = hmac.digest(SECRET.encode(), grant.encode(), "sha256")
    as_jwt = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    for signature in (as_jwt, f"sha256:{as_jwt}"):
        assert reception.refuses(reception.post(grant, signature), 403)
    assert reception.asked == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "7",
        '"text"',
        "{",
        "{} {}",
        "{}",
        f'{{"assembly_id": ["{ASSEMBLY_ID}"]}}',
        f'{{"assembly_id": "{OTHER_ID}", "ok": "ASSEMBLY_COMPLETED"}}',
        f'{{"assembly_id": "{ASSEMBLY_ID}", "ok": "ASSEMBLY_EXECUTING", "ok": "ASSEMBLY_COMPLETED"}}',
        f'{{"assembly_id": "{OTHER_ID}", "assembly_id": "{ASSEMBLY_ID}", "ok": "ASSEMBLY_COMPLETED"}}',
        f'{{"assembly_id": "{ASSEMBLY_ID}", "bytes": NaN}}',
        "[" * 100_000,
    ],
    ids=lambda text: str(text)[:60],
)
def test_a_signed_text_that_is_no_status_of_this_assembly_is_refused(text: str) -> None:
    reception = Reception()
    assert reception.refuses(reception.post(text), 400)
    assert reception.asked == 0


def two_workspaces() -> Reception:
    """Two credentials of two Workspaces, each with an Auth Secret of its own."""
    rules = [
        assemble_rule(),
        assemble_rule(name="others", credential="others", workspace="others", assemble={"other": assemble_form()}),
    ]
    return Reception(policy(assemble_rules=rules, credentials=["default", "others"]))


def test_the_secret_of_another_workspace_signs_nothing_here() -> None:
    reception = two_workspaces()
    text = reception.text()
    assert reception.refuses(reception.post(text, sign(text, "secret-of-others")), 403)
    assert reception.asked == 0


def test_each_credential_has_its_own_secret_and_workspace() -> None:
    reception = two_workspaces()
    reception.sealed = reception.seal(credential="others")
    reception.says("ASSEMBLY_COMPLETED", account_slug="others")
    text = reception.text(account_slug="others")
    assert reception.refuses(reception.post(text), 403)
    assert reception.post(text, sign(text, "secret-of-others")).body == {"status": "completed"}


def test_a_new_auth_secret_is_read_when_the_known_one_does_not_fit() -> None:
    reception = Reception()
    assert reception.post().status == 200
    reception.clock.advance(61)
    reception.vault.rotate("new-secret")
    text = reception.text()
    assert reception.post(text, sign(text, "new-secret")).status == 200


def test_the_auth_secret_before_the_current_one_is_good_for_a_day_after_the_rotation_and_no_longer() -> None:
    reception = Reception()
    reception.vault.rotate("new-secret")
    reception.clock.advance(DAY - 1)
    assert reception.post().status == 200
    leaked = Reception()
    leaked.vault.rotate("new-secret")
    leaked.clock.advance(DAY)
    assert leaked.refuses(leaked.post(), 403)


def test_the_day_ends_also_within_the_minute_in_which_the_secret_is_not_read_again() -> None:
    reception = Reception()
    reception.vault.rotate("new-secret")
    reception.clock.advance(DAY - 1)
    assert reception.post().status == 200
    done = len(reception.completions)
    reception.clock.advance(1)
    assert reception.post().status == 403
    assert len(reception.completions) == done


def test_a_secret_of_which_nobody_knows_when_it_was_made_has_no_good_one_before_it() -> None:
    reception = Reception()
    reception.vault.put("transloadit/default", json.dumps({"auth_key": "k", "auth_secret": "new"}), 0)
    assert reception.refuses(reception.post(), 403)


def test_two_rotations_of_the_auth_secret_during_the_wait_end_what_the_first_one_signs() -> None:
    reception = Reception()
    reception.vault.rotate("new-secret")
    reception.vault.rotate("newest-secret")
    assert reception.refuses(reception.post(), 403)
    text = reception.text()
    for secret in ("new-secret", "newest-secret"):
        assert reception.post(text, sign(text, secret)).status == 200


def test_a_secret_that_was_never_filled_is_no_good_one_before_the_current() -> None:
    reception = Reception()
    reception.vault.put("transloadit/default", "{}")
    reception.vault.rotate("new-secret")
    assert reception.refuses(reception.post(), 403)


def test_a_callback_opens_after_one_rotation_of_the_pipeline_key_and_not_after_two() -> None:
    reception = Reception()
    reception.post()
    for key, status in ((NEW_KEY, 200), (NEWEST_KEY, 400)):
        reception.vault.put(KEY_ID, key)
        reception.clock.advance(301)
        assert reception.post().status == status


def test_a_callback_that_the_new_pipeline_key_sealed_opens_where_the_old_one_is_still_known() -> None:
    reception = Reception()
    reception.post()
    reception.clock.advance(61)
    reception.vault.put(KEY_ID, NEW_KEY)
    reception.sealed = reception.seal(key=NEW_KEY)
    reception.says("ASSEMBLY_COMPLETED")
    assert reception.post().body == {"status": "completed"}


def test_both_secrets_may_be_rotated_during_the_wait() -> None:
    reception = Reception()
    reception.vault.put(KEY_ID, NEW_KEY)
    reception.vault.rotate("new-secret")
    assert reception.post().body == {"status": "completed"}


def test_a_flood_of_forged_signatures_reads_the_secret_once_a_minute() -> None:
    reception = Reception()
    reception.post()
    reception.vault.reads.clear()
    text = reception.text()
    for _ in range(3):
        for _ in range(50):
            assert reception.post(text, sign(text, "forged")).status == 403
        reception.clock.advance(60)
    assert reception.vault.reads == [CREDENTIAL, BEFORE] * 3
    assert len(reception.completions) == 1


def test_a_flood_of_forged_signatures_for_one_credential_does_not_delay_another() -> None:
    reception = two_workspaces()
    text = reception.text()
    assert reception.post(text, sign(text, "forged")).status == 403
    reception.vault.rotate("newer-secret-of-others", "others")
    reception.sealed = reception.seal(credential="others")
    reception.says("ASSEMBLY_COMPLETED", account_slug="others")
    text = reception.text()
    assert reception.post(text, sign(text, "newer-secret-of-others")).status == 200
