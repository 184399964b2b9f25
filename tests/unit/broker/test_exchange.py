"""The story as a whole, on a web in memory."""

from tests.kit.brokers import TOKEN_URL, Broker


def test_an_editor_gets_a_token_with_the_scopes_of_the_matching_rule() -> None:
    broker = Broker()
    answer = broker.post()
    assert answer.status == 200
    assert answer.body == {
        "access_token": "bearer-1",
        "token_type": "Bearer",
        "expires_in": 21600,
        "scope": "assemblies:read assemblies:write",
    }


def test_a_second_call_gets_the_same_token_with_less_left_and_mints_nothing() -> None:
    broker = Broker()
    broker.post()
    broker.clock.advance(60.5)
    answer = broker.post()
    assert (answer.body["access_token"], answer.body["expires_in"]) == ("bearer-1", 21539)
    assert broker.web.count(TOKEN_URL) == 1
    assert [record.cache for record in broker.records] == ["miss", "hit"]


def test_a_caller_whom_no_rule_matches_is_refused_and_nothing_is_called_upstream() -> None:
    broker = Broker()
    answer = broker.post(broker.jwt(groups=["readers"]))
    assert answer.outcome == (403, "access_denied")
    assert broker.mints == 0
    assert broker.record.failed == {"editors upload": ("groups",)}
