"""Forms and headers in disguise. Everything malformed ends before a JWT is read."""

from typing import Any

import pytest

from tests.kit.brokers import SECRETS_URL, InMemory
from tests.kit.callers import Answer
from tests.kit.forms import FORM, form, http

GRANT = form()


def send(broker: InMemory, body: str = GRANT, **headers: str | None) -> Answer:
    """A request with a good JWT, but of exactly this body and these headers; None leaves one out."""
    return broker.send(http(body, "POST", **{"authorization": f"Bearer {broker.jwt()}", **headers}))


def is_refused(answer: Answer, broker: InMemory, status: int, error: str) -> bool:
    assert "access_token" not in answer.body
    assert len(broker.records) == 1
    assert broker.web.count(SECRETS_URL) + broker.mints == 0
    return answer.outcome == (status, error)


def test_the_plain_request_passes() -> None:
    assert send(InMemory()).status == 200


@pytest.mark.parametrize(
    "body",
    [
        f"{GRANT}&{GRANT}",
        f"{GRANT}&scope=assemblies:read&scope=assemblies:write",
        f"{GRANT}&scope=&scope=assemblies:read",
        f"{GRANT}&%73cope=a&scope=b",
        f"{GRANT}&aud=api2&aud=mcp",
        f"{GRANT}&unknown=1&unknown=2",
        f"{GRANT}&scope=%",
        f"{GRANT}&scope=%e",
        f"{GRANT}&scope=%zz",
        f"{GRANT}&scope=%ff",
        f"{GRANT}&scope=%c0%af",
        f"{GRANT}&scope=%ed%a0%80",
        "",
        "&&&",
        '{"grant_type":"client_credentials"}',
        "grant_type",
        "grant_type=",
        "Grant_Type=client_credentials",
    ],
)
def test_a_form_that_two_readers_could_read_differently_is_refused(body: str) -> None:
    broker = InMemory()
    assert is_refused(send(broker, body), broker, 400, "invalid_request")


@pytest.mark.parametrize(
    "grant_type", ["password", "client_credentials ", "CLIENT_CREDENTIALS", "implicit", "refresh_token", "\0"]
)
def test_a_grant_that_is_not_offered_is_refused(grant_type: str) -> None:
    broker = InMemory()
    assert is_refused(send(broker, f"grant_type={grant_type}"), broker, 400, "unsupported_grant_type")


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/json",
        "multipart/form-data; boundary=x",
        "text/plain",
        f"{FORM}, application/json",
        f"{FORM}; charset=utf-16",
        f"{FORM}; charset=utf-7",
        "application/x-www-form-urlencoded-evil",
        f"text/plain; {FORM}",
    ],
)
def test_a_body_of_another_type_is_refused(content_type: str | None) -> None:
    broker = InMemory()
    assert is_refused(send(broker, content_type=content_type), broker, 415, "invalid_request")


@pytest.mark.parametrize("content_type", [FORM, FORM.upper(), f"{FORM};charset=UTF-8", f'{FORM}; charset="utf-8"; x=y'])
def test_the_form_s_type_is_accepted_in_any_spelling(content_type: str) -> None:
    assert send(InMemory(), content_type=content_type).status == 200


@pytest.mark.parametrize(
    ("authorization", "status", "error"),
    [
        ("Bearer", 400, "invalid_request"),
        ("Bearer ", 400, "invalid_request"),
        ("Bearer a b", 400, "invalid_request"),
        ("Bearer a.b.c, Bearer d.e.f", 400, "invalid_request"),
        ("Basic YTpi, Bearer a.b.c", 400, "invalid_request"),
        ("Bearer\ta.b.c", 401, "invalid_client"),
        ("Bearer a.b.c\r\nX-Admin: 1", 400, "invalid_request"),
        ("Bearer \u00e9.b.c", 400, "invalid_request"),
        ("Basic a2V5OnNlY3JldA==", 401, "invalid_client"),
        ("Digest x", 401, "invalid_client"),
        ("DPoP a.b.c", 401, "invalid_client"),
        ("", 401, "invalid_client"),
        ("a.b.c", 401, "invalid_client"),
        (None, 401, "invalid_client"),
    ],
)
def test_an_authorization_that_is_no_single_bearer_is_refused(
    authorization: str | None, status: int, error: str
) -> None:
    broker = InMemory()
    assert is_refused(send(broker, authorization=authorization), broker, status, error)


@pytest.mark.parametrize("name", ["assertion", "subject_token", "client_assertion"])
def test_two_proofs_are_one_too_many(name: str) -> None:
    broker = InMemory()
    body = f"{GRANT}&{name}={broker.jwt()}"
    assert is_refused(send(broker, body), broker, 400, "invalid_request")


@pytest.mark.parametrize(
    "headers",
    [
        {"x_forwarded_for": "127.0.0.1"},
        {"host": "evil.example"},
        {"x_forwarded_host": "evil.example"},
        {"x_http_method_override": "DELETE"},
        {"cookie": "groups=editors"},
        {"x_amzn_oidc_data": "a.b.c"},
        {"x_original_url": "/admin"},
    ],
    ids=str,
)
def test_a_header_that_the_broker_does_not_read_changes_nothing(headers: dict[str, Any]) -> None:
    broker = InMemory()
    answer = send(broker, **headers)
    assert answer.body == send(InMemory()).body


def test_a_body_over_sixteen_kibibytes_is_refused() -> None:
    for size, status in ((16 * 1024, 200), (16 * 1024 + 1, 413), (6_000_000, 413)):
        body = f"{GRANT}&x=".ljust(size, "a")
        assert send(InMemory(), body).status == status


@pytest.mark.parametrize(
    "jwt",
    ["." * 8000, "a" * 8193, "a." * 4000, "..", "a..b", ".a.", "a.b", "a", "a.b.c.d", "-" * 8190 + ".a"],
    ids=lambda jwt: f"{jwt[:4]} x {len(jwt)}",
)
def test_a_jwt_too_long_or_of_the_wrong_parts_is_never_decoded(jwt: str) -> None:
    """Fulcio GHSA-f83f-xpx7-ffpw: many dots cost memory."""
    broker = InMemory()
    assert broker.refuses(jwt)
    assert broker.web.calls == []
