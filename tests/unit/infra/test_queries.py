"""The saved queries: run on real records, flatten as CloudWatch Logs Insights does, each shows what it is for."""

import json
import os
import re
import subprocess
from functools import partial
from typing import Any

import pytest
from broker.aws.cloudwatch import CloudWatch, log_failure
from broker.base.audit import AssemblyNotes
from msgspec.structs import replace

from tests.kit.assemblies import Pipeline
from tests.kit.brokers import JWKS_URL, TOKEN_URL, InMemory, minted
from tests.kit.deployed import EVERYTHING, ROOT, of_kind
from tests.kit.insights import MAX_FIELDS, Row, answer, flatten
from tests.kit.logs import failures
from tests.kit.policies import sign_rule
from tests.kit.web import reply

QUERIES = {
    name.removesuffix("Query"): query for name, query in of_kind("AWS::Logs::QueryDefinition", **EVERYTHING).items()
}
PAGE = (ROOT / "docs/operations.md").read_text()
ACCESS = json.loads(of_kind("AWS::ApiGatewayV2::Stage")["ApiApiGatewayDefaultStage"]["AccessLogSettings"]["Format"])
# https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html#platform-report
REPORT = {"requestId": "invocation-2", "status": "timeout", "metrics": {"durationMs": 15000.0, "initDurationMs": 130.5}}


# A fault of an outside party, claims of the JWT, fields of the form.
CASES: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
    (None, {}, {}),
    (None, {"groups": []}, {}),
    (None, {"exp": 1}, {}),
    (None, {}, {"scope": "billing:read"}),
    ((JWKS_URL, reply(b"", 500)), {}, {}),
    ((TOKEN_URL, reply({"error": "SERVER_500"}, 500)), {}, {}),
    ((TOKEN_URL, minted(scope="x:y")), {}, {}),
]


@pytest.fixture
def records(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Lines of the broker's log: granted, refused for several reasons, an issuer out of reach, api2 at fault."""
    for fault, claims, fields in CASES:
        broker = InMemory()
        if fault:
            broker.web[fault[0]] = fault[1]
        broker.post(broker.jwt(**claims), **fields)
        CloudWatch("local", broker.clock)(broker.record)
    return capsys.readouterr().out.splitlines()


@pytest.fixture
def assemblies(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """An Assembly is made, its event comes again, one is refused, and api2 tells of the first one's end."""
    pipeline = Pipeline()
    for template in ("encode", "encode", "another"):
        pipeline.make(template=template)
    made = pipeline.records[0]
    assert made.assembly is not None
    end = AssemblyNotes(
        source="notification",
        id_sha256=made.assembly.id_sha256,
        status="ASSEMBLY_COMPLETED",
        callback="completed",
    )
    for record in [*pipeline.records, replace(made, assembly=end)]:
        CloudWatch("local", pipeline.clock)(record)
    return capsys.readouterr().out.splitlines()


@pytest.fixture
def lines(records: list[str]) -> dict[str, list[str]]:
    """What is in each log group: the broker's with Lambda's own line, API Gateway's."""
    report = {"time": "2027-01-15T08:00:00.000Z", "type": "platform.report", "record": REPORT}
    timed_out = dict.fromkeys(ACCESS, "-") | {
        "time": "15/Jan/2027:08:00:00 +0000",
        "status": "503",
        "integrationRequestId": "invocation-2",
        "integrationError": "Endpoint request timed out",
        "error": "Service Unavailable",
    }
    forbidden = dict.fromkeys(ACCESS, "-") | {"status": "403", "authorizerError": "expired", "time": "1"}
    good = dict.fromkeys(ACCESS, "-") | {"status": "200", "time": "2"}
    broker, access = [*records, json.dumps(report)], [json.dumps(line) for line in (timed_out, forbidden, good)]
    return {"BrokerLog": broker, "AccessLog": access}


def run(name: str, lines: dict[str, list[str]], **filled: str) -> list[Row]:
    query = QUERIES[name]
    text = query["QueryString"]
    for placeholder, value in filled.items():
        assert f'"{placeholder}"' in text
        text = text.replace(f'"{placeholder}"', f'"{value}"')
    return answer(text, [line for log in query["LogGroupNames"] for line in lines[log]])


def audited(line: str) -> dict[str, Any]:
    return dict(json.loads(line)["audit"])


def defect(invocation: str) -> str:
    """The line that a defect leaves beside the record."""
    with failures() as logged:
        try:
            raise KeyError
        except KeyError as failure:
            log_failure("defect", failure, function_request_id=invocation)
    return json.dumps(*logged())


@pytest.mark.parametrize("name", [name for name in QUERIES if name not in ("Signature", "Assemblies", "Assembly")])
def test_every_column_of_a_query_shows_something(name: str, lines: dict[str, list[str]]) -> None:
    granted = audited(lines["BrokerLog"][0])
    values = {"REQUEST_ID": granted["request_id"], "SHA256": granted["token_sha256"], "ID": "invocation-2"}
    filled = {each: value for each, value in values.items() if f'"{each}"' in QUERIES[name]["QueryString"]}
    if name == "Invocation":
        filled = {"ID": granted["function_request_id"]}
        late = json.dumps({"time": "1", "type": "platform.report", "record": REPORT | {"requestId": filled["ID"]}})
        access = dict.fromkeys(ACCESS, "-") | {"integrationRequestId": filled["ID"], "time": "2"}
        lines = {"BrokerLog": [*lines["BrokerLog"], late, defect(filled["ID"])], "AccessLog": [json.dumps(access)]}
    rows = run(name, lines, **filled)
    assert rows
    for column in rows[0]:
        assert any(row[column] not in (None, "") for row in rows), column


def test_assemblies_and_notifications_are_found_with_those_that_were_refused(assemblies: list[str]) -> None:
    rows = run("Assemblies", {"BrokerLog": assemblies})
    assert [row["audit.assembly_source"] for row in rows].count("notification") == 1
    (refused,) = [row for row in rows if row["audit.outcome"] != "granted"]
    assert refused["audit.reason"] == "no matching rule for this template"
    assert len(rows) == 4
    for column in rows[0]:
        assert any(row[column] not in (None, "") for row in rows), column


def test_an_assembly_leads_to_its_caller_its_events_and_its_end(assemblies: list[str]) -> None:
    sha256 = audited(assemblies[0])["assembly_id_sha256"]
    rows = run("Assembly", {"BrokerLog": assemblies}, ASSEMBLY_SHA256=sha256)
    assert [row["audit.assembly_is_new"] for row in rows] == [1, 0, None]
    assert [row["audit.assembly_callback"] for row in rows] == [None, None, "completed"]
    assert {row["audit.subject"] for row in rows} == {"originals"}


def test_why_a_caller_was_refused_is_one_line_with_rules_and_claims(lines: dict[str, list[str]]) -> None:
    refused = run("Refused", lines)
    assert {row["audit.outcome"] for row in refused} == {"AccessDenied", "CallerRefused", "InvalidScope"}
    (denied,) = (row for row in refused if row["audit.outcome"] == "AccessDenied")
    assert denied["audit.failed"] == "editors upload: groups"


def test_a_leaked_token_leads_to_its_owner_its_scopes_and_its_end(lines: dict[str, list[str]]) -> None:
    granted = audited(lines["BrokerLog"][0])
    (row,) = run("LeakedToken", lines, SHA256=granted["token_sha256"])
    assert (row["audit.subject"], row["audit.rules"]) == ("alice", "editors upload")
    assert row["audit.granted_scopes"] == "assemblies:read assemblies:write"
    assert row["audit.token_expires_at"] == granted["token_expires_at"]


def compute_id(url: str) -> str:
    """The id of a URL, by the command of the page."""
    (line,) = (each for each in PAGE.splitlines() if "sha256%3A" in each)
    run = partial(subprocess.run, capture_output=True, text=True, check=True)
    return str(run(["sh", "-c", line], env={"URL": url, "PATH": os.environ["PATH"]}).stdout.strip())


@pytest.mark.parametrize(
    "wish",
    [
        {"kind": "assembly", "template": "avatar"},
        {"kind": "smart_cdn", "template": "thumbnail", "inputs": ["users/alice/a", "users/alice/b"]},
    ],
    ids=lambda wish: str(wish["kind"]),
)
def test_a_url_or_an_assembly_that_was_found_leads_to_its_owner(
    wish: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    broker = InMemory(sign_rules=[sign_rule()])
    for sub in ("bob", "alice"):
        changes = {"inputs": [f"users/{sub}/a", f"users/{sub}/b"]} if "inputs" in wish else {}
        signed = broker.sign(wish | changes, broker.jwt(sub=sub)).body
        CloudWatch("local", broker.clock)(broker.record)
    found = json.loads(signed["params"])["auth"]["nonce"] if "params" in signed else compute_id(signed["urls"][1])
    (row,) = run("Signature", {"BrokerLog": capsys.readouterr().out.splitlines()}, SIGNATURE_ID=found)
    assert (row["audit.subject"], row["audit.signature_kind"]) == ("alice", wish["kind"])
    assert all(row.values())


def test_faults_and_outages_are_shown_with_transloadit_s_answer(lines: dict[str, list[str]]) -> None:
    rows = run("Faults", lines)
    assert {row["audit.status"] for row in rows} == {502, 503}
    assert "SERVER_500" in {row["audit.upstream_error"] for row in rows}


def test_outcomes_are_counted_by_issuer(lines: dict[str, list[str]]) -> None:
    rows = run("Outcomes", lines)
    assert sum(row["requests"] for row in rows) == 7
    assert {row["audit.outcome"] for row in rows} >= {"granted", "AccessDenied", "TemporarilyUnavailable"}


def test_the_slowest_come_first(lines: dict[str, list[str]]) -> None:
    found = [row["audit.milliseconds"] for row in run("Slowest", lines)]
    assert found == sorted(found, reverse=True)
    assert len(found) == 7


def test_errors_at_api_gateway_are_those_that_left_no_record_too(lines: dict[str, list[str]]) -> None:
    assert {row["status"] for row in run("ApiErrors", lines)} == {"503", "403"}


def test_an_invocation_that_timed_out_is_found_in_both_logs(lines: dict[str, list[str]]) -> None:
    rows = run("Invocation", lines, ID="invocation-2")
    assert {row["integrationError"] for row in rows} == {None, "Endpoint request timed out"}
    assert {row["record.status"] for row in rows} == {None, "timeout"}


def test_the_places_that_a_defect_came_through_are_found_by_its_invocation(lines: dict[str, list[str]]) -> None:
    lines["BrokerLog"].append(defect("invocation-3"))
    (row,) = run("Invocation", lines, ID="invocation-3")
    assert row["stack_trace"].startswith("defect:")


def test_every_metric_of_a_record_is_one_field(records: list[str]) -> None:
    """Powertools makes a list of a metric's values, of which Insights would make `Exchange.0`."""
    for line in records:
        (directive,) = json.loads(line)["_aws"]["CloudWatchMetrics"]
        assert {metric["Name"] for metric in directive["Metrics"]} < flatten(line).keys()


def test_a_record_has_far_fewer_fields_than_insights_finds(records: list[str]) -> None:
    assert max(len(flatten(line)) for line in records) < MAX_FIELDS / 2


def test_no_member_of_a_record_would_get_numbered_names_in_insights(records: list[str]) -> None:
    for line in records:
        assert not [name for name in flatten(line) if re.match(r"audit\.\w+\.", name)]


def test_the_runbook_shows_every_query_in_the_same_words_and_no_other() -> None:
    blocks = re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert blocks == [query["QueryString"] for query in QUERIES.values()]
    for query in QUERIES.values():
        assert query["Name"].removeprefix("local/") in PAGE
