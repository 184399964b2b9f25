"""The story as a whole, on a web in memory: one answer and one audit record for each request."""

import hashlib
from typing import Any

import pytest
from broker import __version__
from broker.base.audit import AuditRecord

from tests.kit.brokers import JWKS_URL, SECRETS_URL, TOKEN_URL, InMemory, minted, secret
from tests.kit.logs import failures
from tests.kit.policies import ISSUER, policy, rule
from tests.kit.web import late, reply


def test_an_editor_gets_a_token_with_the_scopes_of_the_matching_rule() -> None:
    broker = InMemory()
    answer = broker.post()
    assert answer.status == 200
    assert answer.body == {
        "access_token": "bearer-1",
        "token_type": "Bearer",
        "expires_in": 21600,
        "scope": "assemblies:read assemblies:write",
    }


def test_a_second_call_gets_the_same_token_with_less_left_and_mints_nothing() -> None:
    broker = InMemory()
    broker.post()
    broker.clock.advance(60.5)
    answer = broker.post()
    assert (answer.body["access_token"], answer.body["expires_in"]) == ("bearer-1", 21539)
    assert broker.web.count(TOKEN_URL) == 1
    assert [record.cache for record in broker.records] == ["miss", "hit"]


def test_a_caller_whom_no_rule_matches_is_refused_and_nothing_is_called_upstream() -> None:
    broker = InMemory()
    answer = broker.post(broker.jwt(groups=["readers"]))
    assert answer.outcome == (403, "access_denied")
    assert broker.mints == 0
    assert broker.record.failed == {"editors upload": ("groups",)}


def test_the_record_of_a_grant_holds_caller_rules_and_token() -> None:
    trust = policy()
    broker = InMemory(trust)
    broker.post(scope="assemblies:write assemblies:read")
    assert broker.records == [
        AuditRecord(
            request_id="request-1",
            function_request_id="invocation-1",
            xray_trace_id=None,
            cold_start=False,
            version=__version__,
            policy=trust.digest,
            outcome="granted",
            status=200,
            reason=None,
            issuer=ISSUER,
            subject="alice",
            scopes=("assemblies:read", "assemblies:write"),
            aud="api2",
            credential="default",
            proof="authorization header",
            rules=("editors upload",),
            failed={},
            cache="miss",
            upstream_status=200,
            upstream_error=None,
            mints=1,
            granted_scopes=("assemblies:read", "assemblies:write"),
            token_sha256=hashlib.sha256(b"bearer-1").hexdigest(),
            token_expires_at=int(broker.clock()) + 21600,
            milliseconds=0.0,
            alarms=set(),
        )
    ]


def test_the_record_names_the_scopes_of_the_token_even_if_the_request_named_none() -> None:
    """An investigator who finds a token by its hash need not search for the policy of that day."""
    broker = InMemory(rules=[rule(scopes="*")])
    broker.web[TOKEN_URL] = minted(scope="billing:read assemblies:read")
    broker.post()
    broker.clock.advance(100.5)
    broker.post()
    assert [record.granted_scopes for record in broker.records] == [("assemblies:read", "billing:read")] * 2
    assert {record.token_expires_at for record in broker.records} == {int(broker.clock() - 100.5) + 21600}
    assert broker.record.scopes is None


@pytest.mark.parametrize(
    ("sent", "scopes", "aud", "credential"),
    [
        ({}, None, "api2", "default"),
        ({"scope": "assemblies:read assemblies:write"}, ("assemblies:read", "assemblies:write"), "api2", "default"),
        ({"scope": "x assemblies:read y"}, ("assemblies:read", "?2"), "api2", "default"),
        ({"scope": "x"}, ("?1",), "api2", "default"),
        ({"aud": "x", "credential": "y"}, None, "?", "?"),
    ],
)
def test_the_record_of_an_unverified_caller_has_only_names_of_the_policy(
    sent: dict[str, Any], scopes: tuple[str, ...] | None, aud: str, credential: str
) -> None:
    broker = InMemory()
    assert broker.post(broker.jwt(exp=1), **sent).status == 401
    assert (broker.record.scopes, broker.record.aud, broker.record.credential) == (scopes, aud, credential)


def test_the_request_of_a_verified_caller_is_recorded_as_it_is() -> None:
    broker = InMemory()
    assert broker.post(scope="x", credential="y").status == 400
    assert (broker.record.scopes, broker.record.credential) == (("x",), "y")


def test_the_record_tells_how_long_it_took() -> None:
    broker = InMemory()
    broker.web[TOKEN_URL] = late(broker.clock, 1.2345, minted())
    broker.post()
    assert broker.record.milliseconds == pytest.approx(1234.5, abs=0.1)


@pytest.mark.parametrize(
    ("prepare", "outcome", "reason"),
    [
        (lambda b: b.post("not-a-jwt"), "CallerRefused", "malformed JWT: not a compact JWS"),
        (lambda b: b.post(client_secret="s"), "SharedSecretRefused", "client secret"),
        (lambda b: b.post(b.jwt(groups=[])), "AccessDenied", "no rule matches"),
        (lambda b: b.post(scope="billing:read"), "InvalidScope", "no matching rule for every scope asked"),
        (lambda b: b.post(aud="mcp"), "InvalidTarget", "no matching rule for this credential and aud"),
    ],
)
def test_each_refusal_leaves_one_record_with_its_class_and_reason(prepare: Any, outcome: str, reason: str) -> None:
    broker = InMemory()
    answer = prepare(broker)
    (record,) = broker.records
    assert (record.outcome, record.reason, record.status) == (outcome, reason, answer.status)
    assert reason not in str(answer.body)


def test_the_failed_conditions_are_named_in_the_record_and_not_on_the_wire() -> None:
    broker = InMemory(rules=[rule(name="secret rule name"), rule(name="another")])
    answer = broker.post(broker.jwt(groups=["readers"]))
    assert broker.record.failed == {"secret rule name": ("groups",), "another": ("groups",)}
    assert "secret rule name" not in str(answer.body)
    assert "groups" not in str(answer.body)


def test_an_issuer_is_recorded_only_if_it_is_configured_and_a_subject_only_once_verified() -> None:
    broker = InMemory()
    broker.post(broker.jwt(iss="https://evil.example"))
    assert (broker.record.issuer, broker.record.subject) == (None, None)
    forged = broker.jwt(sub="mallory")
    broker.post(forged[:-8] + "AAAAAAAA")
    assert (broker.record.issuer, broker.record.subject, broker.record.reason) == (ISSUER, None, "signature")


def test_a_defect_is_answered_with_500_and_recorded_by_its_place_without_its_words() -> None:
    broker = InMemory()

    def broken() -> Any:
        raise KeyError("quotes the-secret")

    broker.web[SECRETS_URL] = broken
    with failures() as logged:
        answer = broker.post()
    assert answer.outcome == (500, "server_error")
    (record,) = broker.records
    assert record.outcome == "BrokerFault"
    assert (record.reason or "").startswith("defect: KeyError in broken:")
    (line,) = logged()
    assert record.reason == f"defect: {line['exception_name']} in {line['stack_trace'].split(' > ')[-1]}"
    assert line["function_request_id"] == record.function_request_id
    assert "the-secret" not in f"{record}{answer.body}{line}"


def test_a_secret_that_could_not_be_read_is_asked_for_again_by_the_next_request() -> None:
    broker = InMemory()
    broker.web.then(SECRETS_URL, reply(b"", 500), reply(b"", 500))
    assert broker.post().outcome == (503, "temporarily_unavailable")
    assert broker.post().status == 200


def test_the_order_is_caller_then_decision_then_secret_then_mint() -> None:
    broker = InMemory()
    broker.post()
    assert [call.url for call in broker.web.calls][-3:] == [JWKS_URL, SECRETS_URL, TOKEN_URL]


def test_a_hit_makes_no_call_and_is_decided_again() -> None:
    broker = InMemory()
    broker.post()
    calls = len(broker.web.calls)
    assert broker.post().status == 200
    assert broker.post(broker.jwt(groups=["readers"])).status == 403
    assert len(broker.web.calls) == calls


def test_the_policy_is_the_only_thing_between_a_caller_and_a_held_token() -> None:
    broker = InMemory()
    broker.post()
    broker.web[TOKEN_URL] = reply(b"", 503)
    broker.web[SECRETS_URL] = secret("v1")
    for groups in ([], ["editor"], ["EDITORS"], "editors-not", None):
        assert broker.post(broker.jwt(groups=groups)).status == 403
    assert all(record.token_sha256 is None for record in broker.records[1:])


def test_a_request_near_its_deadline_is_503_before_anybody_is_asked() -> None:
    broker = InMemory()
    assert broker.post(seconds=0.4).outcome == (503, "temporarily_unavailable")
    assert (broker.web.calls, broker.record.reason) == ([], "deadline")
