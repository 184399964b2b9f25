"""Replay control: a JWT of an issuer with `once` is good for one token, whatever its form and the environment."""

import hashlib
from typing import Any

import pytest
from broker.base.net import OutOfReach

from tests.kit.brokers import TABLE_URL, TOKEN_URL, InMemory, minted
from tests.kit.callers import Answer
from tests.kit.forms import ASSERTION, BEARER, EXCHANGE, GRANT, ORIGIN, by_header, sent
from tests.kit.policies import AUDIENCE, ISSUER, issuer, rule
from tests.kit.rows import Rows
from tests.kit.web import late, reply

# Form: its fields, where the JWT goes, and how it is refused.
FORMS: dict[str, tuple[dict[str, str], str | None, tuple[int, str]]] = {
    "header": (GRANT, None, (401, "invalid_token")),
    "client assertion": (ASSERTION, "client_assertion", (401, "invalid_client")),
    "assertion": (BEARER, "assertion", (400, "invalid_grant")),
    "subject token": (EXCHANGE, "subject_token", (400, "invalid_request")),
}


def show(broker: InMemory, form: str, jwt: str) -> Answer:
    fields, place, _ = FORMS[form]
    return broker.send(sent(fields | {place: jwt}) if place else by_header(jwt))


def strict(**changes: Any) -> InMemory:
    return InMemory(issuers=[issuer(once=True, **changes)], rules=[rule()], rows=Rows())


def rows(broker: InMemory) -> Rows:
    assert broker.rows is not None
    return broker.rows


def test_a_jwt_is_good_once() -> None:
    broker = strict()
    jwt = broker.jwt(jti="j1")
    assert broker.post(jwt).status == 200
    assert broker.post(jwt).outcome == (401, "invalid_token")
    assert (broker.record.reason, broker.record.token_sha256, broker.record.subject) == ("seen before", None, "alice")
    assert broker.post(broker.jwt(jti="j2")).status == 200


def test_a_jwt_that_was_used_in_one_environment_is_refused_in_another() -> None:
    broker = strict()
    jwt = broker.jwt(jti="j1")
    assert broker.post(jwt).status == 200
    assert broker.beside().post(jwt).outcome == (401, "invalid_token")


def test_the_answer_to_a_used_jwt_says_no_more_than_to_an_expired_one() -> None:
    broker = strict()
    jwt = broker.jwt(jti="j1")
    broker.post(jwt)
    assert broker.post(jwt).body == broker.post(broker.jwt(exp=1)).body


@pytest.mark.parametrize("seconds", [0, 299, 300, 329])
def test_a_used_jwt_is_refused_until_it_has_expired(seconds: int) -> None:
    broker = strict()
    jwt = broker.jwt(jti="j1")  # for 300 seconds, and 30 of leeway
    assert broker.post(jwt).status == 200
    broker.clock.advance(seconds)
    assert broker.post(jwt).status == 401
    assert broker.record.reason == "seen before"


def test_an_expired_row_that_dynamodb_has_not_yet_deleted_does_not_count() -> None:
    broker = strict()
    assert broker.post(broker.jwt(jti="j1")).status == 200
    broker.clock.advance(330)
    assert broker.post(broker.jwt(jti="j1")).status == 200  # another JWT, which happens to have the same jti


def test_a_jwt_that_expires_while_its_token_is_minted_cannot_be_used_again() -> None:
    broker = strict()
    jwt = broker.jwt(jti="j1")
    broker.clock.advance(329)
    broker.web[TOKEN_URL] = late(broker.clock, 2, minted(scope="assemblies:read"))
    assert broker.post(jwt, scope="assemblies:read").outcome == (401, "invalid_token")
    assert (broker.record.reason, broker.record.token_sha256) == ("expired", None)


@pytest.mark.parametrize("jti", [None, "", 5, ["j1"], "j" * 257, True], ids=str)
def test_a_jwt_without_a_usable_jti_is_refused_before_anything_is_fetched(jti: Any) -> None:
    broker = strict()
    assert broker.post(broker.jwt(jti=jti)).outcome == (401, "invalid_token")
    assert (broker.record.reason, broker.web.calls) == ("jti", [])


@pytest.mark.parametrize("jti", ["j", "j" * 256, "\u00e9\U0001f600", "a/b#c d"], ids=ascii)
def test_a_jti_of_any_text_up_to_256_characters_is_taken(jti: str) -> None:
    broker = strict()
    jwt = broker.jwt(jti=jti)
    assert broker.post(jwt).status == 200
    assert broker.post(jwt).status == 401


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("before", FORMS)
def test_a_refusal_has_the_class_of_its_form_whatever_the_first_was(form: str, before: str) -> None:
    broker = strict(audiences=[ORIGIN])
    jwt = broker.jwt(jti="j1", aud=ORIGIN)
    assert show(broker, before, jwt).status == 200
    assert show(broker, form, jwt).outcome == FORMS[form][2]


def test_a_caller_that_gets_no_token_may_use_its_jwt_again() -> None:
    broker = strict()
    jwt = broker.jwt(jti="j1")
    assert broker.post(jwt, scope="billing:read").outcome == (400, "invalid_scope")
    broker.web.then(TOKEN_URL, reply(b"", 503), reply(b"", 503))
    assert broker.post(jwt).status == 503
    assert rows(broker).of("once") == []
    assert broker.post(jwt).status == 200


def test_a_hit_uses_up_the_jwt_as_a_mint_does() -> None:
    broker = strict()
    broker.post(broker.jwt(jti="j1"))
    jwt = broker.jwt(jti="j2")
    assert broker.post(jwt).status == 200
    assert broker.record.cache == "hit"
    assert broker.post(jwt).status == 401


@pytest.mark.parametrize("fault", [OutOfReach("timeout"), reply({"__type": "a#AccessDeniedException"}, 400)], ids=str)
def test_a_table_that_is_down_ends_every_request_of_a_jwt_that_is_good_once(fault: Any) -> None:
    broker = strict()
    rows(broker).fault = fault
    answer = broker.post(broker.jwt(jti="j1"))
    assert answer.outcome == (503, "temporarily_unavailable")
    assert (broker.record.token_sha256, "SharedTableDown" in broker.record.alarms) == (None, True)
    assert str(broker.record.reason).startswith("replay control: DynamoDB")
    # Replay control asks the table even while the cache leaves it alone.
    assert broker.post(broker.jwt(jti="j1")).status == 503
    assert (broker.mints, broker.record.alarms) == (0, {"SharedTableDown"})
    rows(broker).fault = None
    assert broker.post(broker.jwt(jti="j1")).status == 200


def test_a_table_that_goes_down_after_the_mint_ends_the_request_as_well() -> None:
    broker = strict()

    def goes_down() -> Any:
        rows(broker).fault = OutOfReach("timeout")
        return minted()

    broker.web[TOKEN_URL] = goes_down
    assert broker.post(broker.jwt(jti="j1")).outcome == (503, "temporarily_unavailable")
    assert broker.record.token_sha256 is None


def test_a_used_jwt_mints_nothing_whatever_it_asks_for() -> None:
    """A thief of used JWTs could use up the mint budget of their owner."""
    broker = strict()
    jwt = broker.jwt(jti="j1")
    broker.post(jwt)
    for scope in ("assemblies:read", "assemblies:write"):
        assert broker.post(jwt, scope=scope).outcome == (401, "invalid_token")
        assert broker.beside().post(jwt, scope=scope).outcome == (401, "invalid_token")
    assert broker.mints == 1


def test_an_issuer_without_once_needs_no_jti_and_no_row() -> None:
    broker = InMemory(rows=Rows())
    jwt = broker.jwt()
    assert [broker.post(jwt).status for _ in range(2)] == [200, 200]
    assert rows(broker).of("once") == []


def test_the_entry_that_accepts_a_jwt_says_whether_it_is_good_once() -> None:
    entries = [issuer(once=True), issuer(name="app", audiences=["https://app.example.com"])]
    broker = InMemory(issuers=entries, rules=[rule(), rule(name="app", issuer="app")], rows=Rows())
    app = broker.jwt(aud="https://app.example.com")
    assert [broker.post(app).status for _ in range(2)] == [200, 200]
    assert broker.post(broker.jwt(aud=AUDIENCE)).status == 401


def test_a_policy_with_once_and_no_table_gives_nothing_even_if_it_is_wired() -> None:
    broker = InMemory(issuers=[issuer(once=True)])
    assert broker.post(broker.jwt(jti="j1")).outcome == (500, "server_error")
    assert broker.record.reason == "no replay control"


def test_the_row_names_neither_issuer_nor_jti_and_lasts_as_long_as_the_jwt() -> None:
    broker = strict()
    broker.post(broker.jwt(jti="a-private-jti"))
    (row,) = rows(broker).of("once")
    assert row.keys() == {"id", "expires"}
    assert row["expires"] == {"N": str(int(broker.clock()) + 330)}
    parts = (ISSUER.encode(), b"a-private-jti")
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    assert row["id"] == {"S": f"once/{hashlib.sha256(framed).hexdigest()}"}
    assert b"a-private-jti" not in rows(broker).everything()


@pytest.mark.parametrize("exp", [1_800_000_300.5, 1e300, 10**30])
def test_an_expiry_that_is_fractional_or_far_away_can_be_written(exp: float) -> None:
    broker = strict()
    jwt = broker.jwt(jti="j1", exp=exp)
    assert [broker.post(jwt).status for _ in range(2)] == [200, 401]
    (row,) = rows(broker).of("once")
    assert int(row["expires"]["N"]) in (1_800_000_331, 2**53)


def test_the_check_of_a_jwt_and_its_use_cost_two_calls() -> None:
    broker = strict()
    broker.post(broker.jwt(jti="j1"))
    rows(broker).calls.clear()
    before = broker.web.count(TABLE_URL)
    broker.post(broker.jwt(jti="j2"))
    assert (rows(broker).calls, broker.web.count(TABLE_URL) - before) == ({"GetItem": 1, "PutItem": 1}, 2)
