"""Two lines for each record, in the layouts that CloudWatch reads: the record, and its metrics."""

import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.unit.broker.test_audit import RECORD

SCRIPT = """
import sys
from broker.audit import AuditRecord
from broker.cloudwatch import CloudWatch
sink = CloudWatch()
for members in eval(sys.argv[1]):
    sink(AuditRecord(**members))
"""


def lines(*changes: dict[str, Any], **environment: str) -> list[dict[str, Any]]:
    """What a process of its own writes, since Powertools keeps one logger for all."""
    members = repr([RECORD | changed for changed in changes or ({},)])
    command = [sys.executable, "-c", SCRIPT, members]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=os.environ | {"POWERTOOLS_SERVICE_NAME": "staging"} | environment,
        check=True,
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_record_is_one_line_of_json() -> None:
    audit, _ = lines()
    assert audit["audit"].keys() == RECORD.keys()
    assert (audit["message"], audit["service"], audit["level"]) == ("audit", "staging", "INFO")


def test_the_metrics_are_one_line_of_embedded_metric_format() -> None:
    _, emf = lines({"status": 502, "alarms": ("ScopeMismatch",), "milliseconds": 12.5})
    (directive,) = emf["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "TokenBroker"
    assert (directive["Dimensions"], emf["service"]) == ([["service"]], "staging")
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units == dict.fromkeys(["Exchange", "Fault", "ScopeMismatch", "Mint"], "Count") | {
        "Duration": "Milliseconds"
    }
    assert {name: emf[name] for name in units} == {
        "Exchange": [1],
        "Fault": [1],
        "ScopeMismatch": [1],
        "Mint": [1],
        "Duration": [12.5],
    }
    assert abs(emf["_aws"]["Timestamp"] / 1000 - time.time()) < 60


def test_records_do_not_add_up() -> None:
    *_, emf = lines({"alarms": ("StaleKeys",)}, {})
    assert emf["Exchange"] == [1]
    assert "StaleKeys" not in emf


@pytest.mark.parametrize("level", ["ERROR", "CRITICAL", "DEBUG"])
def test_no_log_level_silences_the_record(level: str) -> None:
    assert len(lines(POWERTOOLS_LOG_LEVEL=level, LOG_LEVEL=level)) == 2
