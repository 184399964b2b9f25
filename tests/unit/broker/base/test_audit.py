"""The record of a request, as JSON members and as counts."""

import json
from typing import Any

import pytest
from broker.base.audit import MAX_ITEMS, MAX_RULES, MAX_TEXT, AssemblyNotes, AuditRecord, count_metrics, make_fields

RECORD: dict[str, Any] = {
    "request_id": "request-1",
    "function_request_id": "invocation-1",
    "xray_trace_id": None,
    "cold_start": False,
    "version": "1.2.3",
    "policy": "0" * 64,
    "outcome": "granted",
    "status": 200,
    "reason": None,
    "issuer": "https://login.example.com/",
    "subject": "alice",
    "scopes": ("a:read",),
    "aud": "api2",
    "credential": "default",
    "proof": "authorization header",
    "rules": ("editors",),
    "failed": {},
    "cache": "miss",
    "upstream_status": 200,
    "upstream_error": None,
    "mints": 1,
    "granted_scopes": ("a:read", "b:read"),
    "token_sha256": "1" * 64,
    "token_expires_at": 1_800_021_600,
    "milliseconds": 1.5,
    "alarms": set(),
}


def record(**changes: Any) -> AuditRecord:
    return AuditRecord(**(RECORD | changes))


def test_every_member_of_a_record_is_one_value() -> None:
    """CloudWatch Logs Insights flattens lists and objects into fields whose names no query can know."""
    members = json.loads(
        json.dumps(make_fields(record(alarms={"StaleKeys", "StaleSecret"}, rules=("one rule", "two"))))
    )
    assert members == RECORD | {
        "scopes": "a:read",
        "granted_scopes": "a:read b:read",
        "rules": "one rule; two",
        "failed": "",
        "alarms": "StaleKeys StaleSecret",
    }


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        setattr(record(), "cache", "hit")  # noqa: B010 - the type checker would not let it pass


def test_failed_conditions_are_listed_rule_by_rule_without_the_rules_that_match() -> None:
    failed = {"editors upload": ("groups", "email_verified"), "matches": (), "admins": ("groups",)}
    told = make_fields(record(failed=failed, rules=(), scopes=None, granted_scopes=None))
    assert told["failed"] == "editors upload: groups, email_verified; admins: groups"
    assert (told["rules"], told["scopes"], told["granted_scopes"]) == ("", None, None)


def test_a_long_text_that_a_caller_chose_is_cut_so_that_the_record_stays_small() -> None:
    long = "x" * 10_000
    failed = {f"rule {number}": (long,) for number in range(1000)}
    members = make_fields(record(subject=long, aud=long, scopes=(long, "b"), failed=failed))
    assert members["subject"] == members["aud"] == "x" * MAX_TEXT
    assert members["scopes"] == "x" * MAX_TEXT + " b"
    told = members["failed"].split("; ")
    assert (len(told), told[0]) == (MAX_RULES, "rule 0: " + "x" * MAX_TEXT)


def test_a_long_list_of_scopes_is_cut_so_that_the_record_stays_small() -> None:
    many = tuple(f"s{number}" for number in range(4000))
    members = make_fields(record(scopes=many, granted_scopes=many))
    assert members["scopes"] == members["granted_scopes"] == " ".join(many[:MAX_ITEMS])


def test_text_that_cannot_be_written_is_written_with_a_mark() -> None:
    assert make_fields(record(credential="half \ud800"))["credential"] == "half ?"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"Exchange": 1, "Granted": 1, "Mint": 1}),
        ({"mints": 2}, {"Exchange": 1, "Granted": 1, "Mint": 2}),
        ({"mints": 0, "cache": "hit"}, {"Exchange": 1, "Granted": 1, "CacheHit": 1}),
        ({"mints": 0, "cache": "shared"}, {"Exchange": 1, "Granted": 1, "SharedHit": 1}),
        ({"mints": 0, "status": 403}, {"Exchange": 1, "Refused": 1}),
        ({"mints": 0, "status": 429}, {"Exchange": 1, "OverBudget": 1}),
        ({"mints": 0, "status": 503, "upstream_status": None}, {"Exchange": 1, "Unavailable": 1}),
        ({"status": 503, "upstream_status": 429}, {"Exchange": 1, "Unavailable": 1, "Mint": 1, "UpstreamThrottled": 1}),
        (
            {"upstream_status": 413, "upstream_error": "RATE_LIMIT_REACHED", "cache": "kept"},
            {"Exchange": 1, "Granted": 1, "Mint": 1, "UpstreamThrottled": 1},
        ),
        ({"status": 502, "upstream_status": 413}, {"Exchange": 1, "Fault": 1, "Mint": 1}),
        ({"mints": 2, "status": 503}, {"Exchange": 1, "Unavailable": 1, "Mint": 2}),
        (
            {"status": 502, "alarms": {"CredentialRefused"}},
            {"Exchange": 1, "Fault": 1, "Mint": 1, "CredentialRefused": 1},
        ),
        ({"mints": 0, "status": 500}, {"Exchange": 1, "Fault": 1}),
    ],
)
def test_an_outcome_has_its_counts(changes: dict[str, Any], expected: dict[str, int]) -> None:
    assert count_metrics(record(**changes)) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, {"Notification": 1}),
        (400, {"Notification": 1, "NotificationRefused": 1}),
        (403, {"Notification": 1, "NotificationRefused": 1}),
        (500, {"Notification": 1, "NotificationFault": 1}),
        (502, {"Notification": 1, "NotificationFault": 1}),
        (503, {"Notification": 1, "NotificationUnavailable": 1}),
    ],
)
def test_a_notification_has_counts_of_its_own_so_that_no_stranger_rings_the_alarms_for_callers(
    status: int, expected: dict[str, int]
) -> None:
    assembly = AssemblyNotes(source="notification")
    assert count_metrics(record(mints=0, status=status, assembly=assembly)) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, {"Assembly": 1}),
        (403, {"Assembly": 1, "AssemblyRefused": 1}),
        (429, {"Assembly": 1, "AssemblyUnavailable": 1}),
        (503, {"Assembly": 1, "AssemblyUnavailable": 1}),
        (502, {"Assembly": 1, "AssemblyRefused": 1}),
        (500, {"Assembly": 1, "Fault": 1}),
    ],
)
def test_an_event_that_comes_again_or_waits_among_the_dead_letters_rings_no_alarm_for_callers(
    status: int, expected: dict[str, int]
) -> None:
    assert count_metrics(record(mints=0, status=status, assembly=AssemblyNotes(source="s3"))) == expected
