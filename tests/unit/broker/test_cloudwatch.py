"""One line for each record, in the layout that CloudWatch reads: the record, and its metrics."""

import json
from typing import Any

import pytest
from broker.audit import AuditRecord
from broker.cloudwatch import CloudWatch

from tests.kit.clock import Clock
from tests.unit.broker.test_audit import RECORD


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Any:
    def written(*changes: dict[str, Any]) -> list[dict[str, Any]]:
        sink = CloudWatch("staging", Clock(1_800_000_000.0625))
        for changed in changes or ({},):
            sink(AuditRecord(**RECORD | changed))
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return written


def test_the_record_is_one_line_of_json(lines: Any) -> None:
    (line,) = lines()
    assert line["audit"].keys() == RECORD.keys()
    assert (line["message"], line["service"]) == ("audit", "staging")


def test_no_log_level_silences_the_record(lines: Any) -> None:
    """Lambda drops lines below the function's level by these two members, and takes a time in RFC 3339 alone."""
    (line,) = lines({"status": 500})
    assert (line["level"], line["timestamp"]) == ("INFO", "2027-01-15T08:00:00.062500Z")


def test_its_metrics_are_in_the_embedded_metric_format(lines: Any) -> None:
    (line,) = lines({"status": 502, "alarms": {"ScopeMismatch"}, "milliseconds": 12.5})
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert line["_aws"]["Timestamp"] == 1_800_000_000_062
    assert (directive["Namespace"], directive["Dimensions"]) == ("TokenBroker", [["service"]])
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    counts = {"Exchange": 1, "Fault": 1, "ScopeMismatch": 1, "Mint": 1}
    assert units == dict.fromkeys(counts, "Count") | {"Duration": "Milliseconds"}
    assert {name: line[name] for name in units} == counts | {"Duration": 12.5}


def test_records_do_not_add_up(lines: Any) -> None:
    _, second = lines({"alarms": {"StaleKeys"}}, {})
    assert second["Exchange"] == 1
    assert "StaleKeys" not in second
