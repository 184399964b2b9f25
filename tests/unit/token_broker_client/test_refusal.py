"""What a refusal says: the cause as far as the caller can see it, and the next step."""

import json
import pickle
from email.utils import formatdate
from typing import Any

import pytest
from token_broker_client.errors import TokenError
from token_broker_client.proof import Request
from token_broker_client.refusal import refusal
from token_broker_client.wire import Reply

from tests.kit.token_server import make_jwt

ORIGIN = "https://tokens.example.com"
NOW = 1_800_000_000.0
GOOD = {"aud": ORIGIN, "iat": NOW - 10, "exp": NOW + 290}


def refused(status: int, code: str | None = None, *, there: float = NOW, jwt: str = "", **members: Any) -> str:
    """The message for such an answer, by a broker whose clock says `there`."""
    body = {"error": code, "request_id": "r1", **members} if code else members
    reply = Reply(status, {"date": formatdate(there, usegmt=True)}, json.dumps(body).encode())
    return str(refusal(reply, Request(ORIGIN, {}, jwt=jwt or make_jwt(**GOOD), source="the file /jwt"), NOW))


@pytest.mark.parametrize(
    ("claims", "there", "message"),
    [
        ({"exp": NOW - 600}, NOW, "the JWT of the file /jwt expired 10 minutes ago; it must be renewed there"),
        ({"exp": NOW - 5}, NOW, "expired 5 seconds ago"),
        ({"exp": NOW - 86_400}, NOW, "expired 24 hours ago"),
        ({"iat": NOW + 600}, NOW, "was issued 10 minutes in the future; its issuer's clock must be set"),
        ({"exp": NOW + 300}, NOW + 900, "the clock of this machine is 15 minutes behind the broker's; set it"),
        ({"iat": NOW}, NOW - 900, "the clock of this machine is 15 minutes ahead of the broker's; set it"),
        ({"aud": "other"}, NOW, 'the audience of the JWT of the file /jwt is "other"; the broker\'s policy says which'),
        ({"aud": [ORIGIN, "other"]}, NOW, "the audience of"),
        ({"aud": [ORIGIN]}, NOW, "may not know the issuer or key of the file /jwt; `token-broker policy explain`"),
        ({"exp": "soon", "iat": []}, NOW, "may not know the issuer or key"),
    ],
)
def test_a_jwt_that_is_not_accepted_is_explained_by_its_own_claims(
    claims: dict[str, Any], there: float, message: str
) -> None:
    text = refused(401, "invalid_token", there=there, jwt=make_jwt(**{**GOOD, **claims}))
    assert message in text
    assert text.endswith("(invalid_token, 401, request id r1)")


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, "access_denied", "`token-broker policy explain` with the same JWT"),
        (400, "invalid_scope", "ask for fewer scopes"),
        (400, "invalid_target", "leave out `aud` and `credential`"),
        (429, "temporarily_unavailable", "too many new tokens for this caller; try again in 7 seconds"),
        (503, "temporarily_unavailable", "it cannot mint just now; try again in 7 seconds"),
        (500, "server_error", "tell the broker's operator"),
        (404, None, f"is {ORIGIN} the broker's URL? (bad_answer, 404)"),
        (302, None, "it redirects, which is not followed; give the broker's own URL"),
        (503, None, "it cannot mint just now"),
    ],
)
def test_each_kind_of_refusal_has_its_next_step(status: int, code: str | None, message: str) -> None:
    text = refused(status, code, retry_after=7, error_description="The broker's words.")
    assert message in text
    assert text.startswith(f"{ORIGIN} refused: The broker's words; ")


def test_neither_the_jwt_nor_what_a_terminal_obeys_is_in_a_message() -> None:
    jwt = make_jwt(**GOOD)
    assert jwt not in refused(403, "access_denied", jwt=jwt, error_description=f"You sent {jwt}")
    shown = refused(403, "access_denied", error_description="\x1b[31mred\nline\x9b", request_id="r\n2" * 100)
    assert shown.isprintable()
    assert len(shown) < 500


def test_a_part_of_the_jwt_is_in_no_message_either() -> None:
    jwt = make_jwt(**GOOD, repository="acme/secret-project" * 40)
    for echo in (f"You sent {jwt}", jwt.split(".")[1]):
        assert refused(403, "access_denied", jwt=jwt, error_description=echo).startswith(f"{ORIGIN} refused: `token-")


@pytest.mark.parametrize("claims", [{"exp": -(10**400)}, {"exp": float("-inf")}, {"iat": float("inf")}])
def test_absurd_times_in_a_jwt_or_an_answer_are_no_fault_of_their_own(claims: dict[str, Any]) -> None:
    assert "may not know" in refused(401, "invalid_token", jwt=make_jwt(**{**GOOD, **claims}))
    assert "busy" not in refused(503, "temporarily_unavailable", retry_after=10**400)
    reply = Reply(401, {"date": "Wed, 25 Nov 2026 10:00:00 +99999999999999"}, b'{"error": "invalid_token"}')
    assert "may not know" in str(refusal(reply, Request(ORIGIN, {}, jwt=make_jwt(**GOOD)), NOW))


def test_a_code_that_is_none_is_not_taken_from_the_answer() -> None:
    assert "(bad_answer, 400)" in refused(400, error="Click http://evil.example")
    assert "(bad_answer, 400)" in refused(400, error=["access_denied"])


def test_the_members_are_there_for_programs() -> None:
    reply = Reply(429, {"retry-after": "3", "apigw-requestid": "gateway-1"}, b'{"message": "Too Many Requests"}')
    error = refusal(reply, Request(ORIGIN, {}), NOW)
    assert (error.code, error.status, error.request_id, error.retry_after, error.is_temporary) == (
        "temporarily_unavailable",
        429,
        "gateway-1",
        3,
        True,
    )
    assert error.message == str(error)


def test_an_error_is_the_same_where_it_left_its_process() -> None:
    error = TokenError("access_denied", "refused", status=403, request_id="r1", retry_after=7)
    other = pickle.loads(pickle.dumps(error))
    assert (str(other), vars(other)) == (str(error), vars(error))
