"""One line for each record, in the layout that CloudWatch reads: the record, and its metrics; one for each failure."""

import io
import json
import time
from typing import Any

import pytest
from broker.aws.cloudwatch import CloudWatch, log_failure
from broker.base.audit import AuditRecord

from tests.kit.clock import Clock
from tests.kit.logs import failures
from tests.unit.broker.base.test_audit import RECORD

SECRET = "the-auth-secret"


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


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("POWERTOOLS_METRICS_DISABLED", "true"),
        ("POWERTOOLS_DEV", "true"),
        ("POWERTOOLS_LOG_LEVEL", "CRITICAL"),
        ("POWERTOOLS_METRICS_NAMESPACE", "Other"),
        ("POWERTOOLS_SERVICE_NAME", "other"),
    ],
)
def test_no_variable_of_powertools_changes_a_record(
    variable: str, value: str, lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (before,) = lines()
    monkeypatch.setenv(variable, value)
    (after,) = lines()
    assert after | {"_aws": {}} == before | {"_aws": {}}
    assert after["_aws"]["CloudWatchMetrics"] == before["_aws"]["CloudWatchMetrics"]


def test_a_record_s_metrics_are_in_the_embedded_metric_format(lines: Any) -> None:
    started = int(time.time() * 1000)
    (line,) = lines({"status": 502, "alarms": {"ScopeMismatch"}, "milliseconds": 12.5})
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert started <= line["_aws"]["Timestamp"] <= time.time() * 1000
    assert (directive["Namespace"], directive["Dimensions"]) == ("TokenBroker", [["service"]])
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    counts = {"Exchange": 1, "Fault": 1, "ScopeMismatch": 1, "Mint": 1}
    assert units == dict.fromkeys(counts, "Count") | {"Duration": "Milliseconds"}
    assert {name: line[name] for name in units} == counts | {"Duration": 12.5}


def test_records_do_not_add_up(lines: Any) -> None:
    _, second = lines({"alarms": {"StaleKeys"}}, {})
    assert second["Exchange"] == 1
    assert "StaleKeys" not in second


def test_half_a_surrogate_pair_that_a_caller_sent_keeps_no_record_away(lines: Any) -> None:
    half = "half \ud800"
    (line,) = lines({"subject": half, "aud": half, "credential": half, "scopes": (half,), "failed": {half: (half,)}})
    assert {line["audit"][name] for name in ("subject", "aud", "credential", "scopes")} == {"half ?"}


class Stdout(io.StringIO):
    """Keeps each write apart; the first `failing` of them raise."""

    def __init__(self, failing: int = 0) -> None:
        super().__init__()
        self.writes: list[str] = []
        self._failing = failing

    def write(self, text: str) -> int:
        if self._failing:
            self._failing -= 1
            raise BlockingIOError
        self.writes.append(text)
        return len(text)


def test_a_line_and_its_end_are_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """If they were two writes, another thread's line could stand in the middle of the record."""
    stdout = Stdout()
    monkeypatch.setattr("sys.stdout", stdout)
    CloudWatch("staging", Clock())(AuditRecord(**RECORD))
    (written,) = stdout.writes
    assert (written.count("\n"), written[-1]) == (1, "\n")


OTHER = {"subject": "mallory", "alarms": {"StaleKeys"}, "mints": 7}


def written_after(failing: dict[str, Any], stdout: Stdout, monkeypatch: pytest.MonkeyPatch) -> str:
    """The lines of a sink for a plain record after a record that could not be written."""
    sink = CloudWatch("staging", Clock())
    with monkeypatch.context() as patched:
        patched.setattr("sys.stdout", stdout)
        with pytest.raises((BlockingIOError, UnicodeEncodeError)):
            sink(AuditRecord(**RECORD | failing))
        sink(AuditRecord(**RECORD))
    (written,) = stdout.writes
    return written


@pytest.mark.parametrize(
    ("failing", "failing_writes"),
    [(OTHER, 1), (OTHER | {"request_id": "half \ud800"}, 0)],
    ids=["standard output fails", "the record is no text"],
)
def test_a_record_that_could_not_be_written_is_in_no_record_of_a_later_request(
    failing: dict[str, Any], failing_writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Powertools keeps a metric in `Metrics` until it is printed, and the next request is another caller's."""
    written = written_after(failing, Stdout(failing_writes), monkeypatch)
    expected = written_after(failing={"request_id": "half \ud800"}, stdout=Stdout(), monkeypatch=monkeypatch)
    line, plain = json.loads(written), json.loads(expected)
    assert line | {"_aws": {}} == plain | {"_aws": {}}
    assert line["_aws"]["CloudWatchMetrics"] == plain["_aws"]["CloudWatchMetrics"]
    assert (line["audit"]["subject"], line["Mint"], "StaleKeys" in line) == ("alice", 1, False)


def failing_deeply() -> None:
    quoted = SECRET
    try:
        raise KeyError(quoted)
    except KeyError as cause:
        failure = ValueError(f"no such thing: {quoted}")
        failure.add_note(quoted)
        raise failure from cause


def test_a_failure_is_logged_by_kind_and_place_with_no_word_of_the_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={SECRET}")
    with failures() as logged:
        try:
            failing_deeply()
        except ValueError as failure:
            log_failure("defect", failure, function_request_id="invocation-1")
    (line,) = logged()
    assert (line["level"], line["message"], line["exception_name"]) == ("ERROR", "defect", "ValueError")
    assert line["function_request_id"] == "invocation-1"
    outer, inner = line["stack_trace"].split(" > ")
    assert outer.startswith("test_a_failure_is_logged_by_kind_and_place")
    assert inner.startswith("failing_deeply:")
    assert SECRET not in json.dumps(line)


def test_a_failure_has_the_time_that_lambda_needs_to_keep_the_line() -> None:
    with failures() as logged:
        try:
            failing_deeply()
        except ValueError as failure:
            log_failure("defect", failure)
    (line,) = logged()
    assert line["timestamp"][10:11] == "T"
    assert line["timestamp"][-6] in "+-"
