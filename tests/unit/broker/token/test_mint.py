"""One new bearer token: its budget, a refused credential or scope, and scopes that differ from the request's."""

from typing import Any

import pytest
from broker.base.audit import count_metrics

from tests.kit.brokers import SECRETS_URL, TOKEN_URL, InMemory, minted, secret
from tests.kit.policies import rule
from tests.kit.web import reply
from tests.unit.broker.token.test_obtain import LAST_RENEWAL, token, warm

REFUSED = reply({"error": "TOKEN_INVALID_CREDENTIALS"}, 401)


# Refused credentials.


def test_a_refused_secret_is_read_afresh_once_and_not_tried_again_if_the_same() -> None:
    broker = InMemory()
    broker.web[TOKEN_URL] = REFUSED
    assert broker.post().outcome == (502, "server_error")
    assert (broker.mints, broker.web.count(SECRETS_URL)) == (1, 2)
    assert broker.record.alarms == {"CredentialRefused"}


def test_a_refused_secret_that_has_a_new_version_is_tried_with_that() -> None:
    broker = InMemory()
    broker.web.then(SECRETS_URL, secret("v1"))
    broker.web[SECRETS_URL] = secret("v2")
    broker.web.then(TOKEN_URL, REFUSED)
    assert broker.post().status == 200
    assert broker.mints == 2


def test_a_refused_version_is_left_alone_for_sixty_seconds() -> None:
    broker = InMemory()
    broker.web[TOKEN_URL] = REFUSED
    broker.post()
    broker.clock.advance(59)
    assert broker.post().outcome == (502, "server_error")
    assert broker.mints == 1
    broker.web[TOKEN_URL] = minted()
    broker.clock.advance(1)
    assert broker.post().status == 200


def test_a_new_version_of_a_refused_secret_is_tried_at_once() -> None:
    broker = InMemory()
    broker.web[TOKEN_URL] = REFUSED
    broker.post()
    broker.web[SECRETS_URL] = secret("v2")
    broker.web[TOKEN_URL] = minted()
    broker.clock.advance(1)
    assert broker.post().status == 200


def test_a_third_version_of_a_secret_is_not_tried_after_two_refused_ones() -> None:
    broker = InMemory()
    broker.web.then(SECRETS_URL, secret("v1"))
    broker.web[SECRETS_URL] = secret("v2")
    broker.web[TOKEN_URL] = REFUSED
    assert broker.post().outcome == (502, "server_error")
    assert (broker.mints, broker.record.alarms) == (2, {"CredentialRefused"})


def test_a_refused_version_s_tokens_are_dropped_also_by_a_renewal() -> None:
    broker = warm()
    broker.clock.advance(LAST_RENEWAL)
    broker.web[TOKEN_URL] = REFUSED
    assert broker.post().outcome == (502, "server_error")
    assert broker.post().outcome == (502, "server_error")


# A refused scope.


def test_an_invented_scope_under_a_star_is_the_caller_s_mistake_and_no_fault() -> None:
    broker = InMemory(rules=[rule(scopes="*")])
    broker.web[TOKEN_URL] = reply({"error": "TOKEN_INVALID_SCOPE"}, 403)
    assert broker.post(scope="x1").outcome == (400, "invalid_scope")
    assert (broker.record.reason, broker.record.upstream_error) == (
        "Transloadit refuses a scope that no rule names",
        "TOKEN_INVALID_SCOPE",
    )
    assert "Fault" not in count_metrics(broker.record)


@pytest.mark.parametrize("sent", [{}, {"scope": "assemblies:read"}])
def test_a_refused_scope_that_a_rule_names_is_a_fault_even_if_the_caller_named_it(sent: dict[str, Any]) -> None:
    broker = InMemory(rules=[rule(name="all", scopes="*"), rule(name="one", scopes=["assemblies:read"])])
    broker.web[TOKEN_URL] = reply({"error": "TOKEN_INVALID_SCOPE"}, 403)
    assert broker.post(**sent).outcome == (502, "server_error")
    assert count_metrics(broker.record)["Fault"] == 1


# The scopes of the answer are compared with those of the request.


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("assemblies:read", "assemblies:read billing:write"),
        ("assemblies:read", "assemblies:write"),
        ("assemblies:read", "*"),
        ("assemblies:read", "read"),
        ("read", "assemblies:write"),
        ("read", "write"),
    ],
)
def test_a_token_wider_than_asked_is_refused_alarmed_and_not_kept(asked: str, given: str) -> None:
    broker = InMemory(rules=[rule(scopes=asked.split())])
    broker.web[TOKEN_URL] = minted(scope=given)
    assert broker.post().outcome == (502, "server_error")
    assert broker.record.alarms == {"ScopeMismatch"}
    assert broker.post().outcome == (502, "server_error")


@pytest.mark.parametrize(
    ("asked", "given"),
    [("read", "assemblies:read billing:read"), ("write", "assemblies:write"), ("read", "read"), ("a:read", "a:read")],
)
def test_a_coarse_scope_covers_what_it_stands_for(asked: str, given: str) -> None:
    broker = InMemory(rules=[rule(scopes=[asked])])
    broker.web[TOKEN_URL] = minted(scope=given)
    answer = broker.post(scope=asked)
    assert (answer.status, answer.body["scope"]) == (200, given)
    assert broker.record.alarms == set()


def test_a_token_narrower_than_asked_by_name_is_refused_and_alarmed() -> None:
    broker = InMemory()
    broker.web[TOKEN_URL] = minted(scope="assemblies:read")
    assert broker.post(scope="assemblies:read assemblies:write").outcome == (502, "server_error")
    assert broker.record.alarms == {"ScopeMismatch"}


def test_a_token_narrower_than_a_request_without_scopes_is_returned_and_not_kept() -> None:
    broker = InMemory()
    broker.web[TOKEN_URL] = minted(scope="assemblies:read")
    answer = broker.post()
    assert (answer.status, answer.body["scope"]) == (200, "assemblies:read")
    broker.web[TOKEN_URL] = minted("bearer-2")
    assert token(broker) == "bearer-2"


def test_a_grant_of_all_takes_what_the_auth_key_has() -> None:
    broker = InMemory(rules=[rule(scopes="*")])
    broker.web[TOKEN_URL] = minted(scope="any:thing at:all")
    answer = broker.post()
    assert (answer.status, answer.body["scope"]) == (200, "any:thing at:all")
    assert b"scope" not in broker.web.calls[-1].body


def test_a_request_that_names_scopes_under_a_grant_of_all_gets_these_alone() -> None:
    broker = InMemory(rules=[rule(scopes="*")])
    assert broker.post(scope="assemblies:read").outcome == (502, "server_error")


# Budgets.


def test_the_eleventh_mint_of_a_caller_is_429_and_hits_go_on() -> None:
    names = [f"s{number}:read" for number in range(11)]
    broker = InMemory(rules=[rule(scopes=names)])
    for name in names[:10]:
        broker.web[TOKEN_URL] = minted(scope=name)
        assert broker.post(scope=name).status == 200
    answer = broker.post(scope=names[10])
    assert answer.outcome == (429, "temporarily_unavailable")
    assert (answer.body["retry_after"], answer.headers["retry-after"]) == (60, "60")
    assert broker.post(scope=names[3]).status == 200
    assert broker.mints == 10


def test_the_sixty_first_mint_of_a_credential_is_429_for_anybody() -> None:
    broker = InMemory(rules=[rule(share="caller")])
    for number in range(60):
        assert broker.post(broker.jwt(sub=f"caller {number}")).status == 200
    assert broker.post(broker.jwt(sub="caller 60")).outcome == (429, "temporarily_unavailable")
    assert broker.post(broker.jwt(sub="caller 3")).status == 200
    assert broker.mints == 60


def test_a_renewal_over_budget_keeps_the_old_token() -> None:
    broker = warm(share="caller")
    for number in range(59):
        broker.post(broker.jwt(sub=f"caller {number}"))
    broker.clock.advance(LAST_RENEWAL)
    for number in range(60):
        broker.post(broker.jwt(sub=f"other {number}"))
    assert (token(broker), broker.record.cache) == ("bearer-1", "kept")
