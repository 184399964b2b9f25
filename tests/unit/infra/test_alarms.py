"""Each alarm rings for what it is for and for nothing else: evaluated on traffic of a quiet and of a busy broker."""

import json
import re

import pytest

from tests.kit.alarms import Series, first_ring
from tests.kit.deployed import EVERYTHING, ROOT, of_kind

SUFFIX = "Alarm"
OF_PIPELINES = ("AssemblyFunction", "NotificationFunction")
ALARMS = {name.removesuffix(SUFFIX): alarm for name, alarm in of_kind("AWS::CloudWatch::Alarm", **EVERYTHING).items()}
HOURS = 3 * 60
# Whose metric it is: the value of its one dimension.
OWNERS = {
    "5xx": "Api",
    "Count": "Api",
    "Latency": "Api",
    "ApproximateNumberOfMessagesVisible": "AssemblyDeadLetters.QueueName",
    "ApproximateAgeOfOldestMessage": "AssemblyQueue.QueueName",
    "DestinationDeliveryFailures": "AssemblyFunction",
}


def traffic(**metrics: dict[int, list[float]]) -> Series:
    """By metric, or `Metric_Function` for those of a function."""
    found = {}
    for name, values in metrics.items():
        metric, _, function = name.replace("fivexx", "5xx").partition("_")
        found[metric, function or OWNERS.get(metric, "local")] = values
    return found


def every(minutes: int, count: float = 1, start: int = 0, end: int = HOURS) -> dict[int, list[float]]:
    """`count` in every so many minutes."""
    return {minute: [count] for minute in range(start, end, minutes)}


def busy(**some: dict[int, list[float]]) -> Series:
    """A hundred requests a second, and some of them something else."""
    return traffic(Exchange=every(1, 6000), Count=every(1, 6000), Granted=every(1, 5990), **some)


def quiet(**some: dict[int, list[float]]) -> Series:
    """Ten exchanges and ten notifications an hour."""
    return traffic(Exchange=every(6), Count=every(6), Notification=every(6), **some)


def rising(start: int, step: float) -> dict[int, list[float]]:
    """The age in seconds, minute by minute, of a message that nobody takes: `step` a minute."""
    return {minute: [step * (minute - start)] for minute in range(start, HOURS)}


ONCE = {65: [1.0]}
SIX_IN_FIVE_MINUTES = {65: [2.0], 67: [3.0], 69: [1.0]}

# Alarm: traffic that rings, and within how many minutes of its start; traffic that does not.
RINGS: dict[str, tuple[Series, int]] = {
    "Unavailable": (quiet(Unavailable=every(6)), 30),
    "ApiServerErrors": (quiet(fivexx=every(6)), 30),
    "CredentialRefused": (quiet(CredentialRefused={0: [1.0]}), 1),
    "ScopeMismatch": (busy(ScopeMismatch={0: [1.0]}), 1),
    "SharedCacheUnreadable": (busy(SharedCacheUnreadable={0: [1.0]}), 1),
    "StaleSecret": (quiet(StaleSecret={0: [1.0]}), 15),
    "IamFunctionErrors": (traffic(Errors_IamFunction={0: [1.0]}), 1),
    "ForeignAssembly": (busy(ForeignAssembly={0: [1.0]}), 1),
    "LostEvents": (traffic(DestinationDeliveryFailures={0: [1.0]}), 1),
    "Fault": (quiet(Fault={0: [1.0]}), 1),
    "SomeServerErrors": (busy(fivexx=every(1, 120)), 5),
    "FunctionErrors": (quiet(Errors_BrokerFunction={0: [1.0]}), 1),
    "FunctionThrottles": (traffic(Throttles_TokenFunction={0: [1.0]}), 5),
    "TokenFunctionTimeouts": (traffic(Duration_TokenFunction={0: [15_000.0]}), 5),
    "AssemblyFunctionTimeouts": (traffic(Duration_AssemblyFunction={0: [60_000.0]}), 5),
    "DeadLetters": (traffic(ApproximateNumberOfMessagesVisible={0: [1.0]}), 5),
    "AssemblyQueueAge": (traffic(ApproximateAgeOfOldestMessage=rising(0, 60.0)), 65),
    "NotificationFault": (quiet(NotificationFault={0: [1.0]}), 1),
    "NotificationUnavailable": (quiet(NotificationUnavailable=every(6)), 15),
    "NotificationRefused": (quiet(NotificationRefused=every(6)), 60),
    "Refused": (quiet(Refused=every(6)), 60),
    "ApiThrottled": (busy(ApiThrottled=every(1, 600)), 15),
    "OverBudget": (quiet(OverBudget=every(2)), 15),
    "UpstreamThrottled": (quiet(UpstreamThrottled=every(5)), 15),
    "ApiLatency": (busy(Latency=every(1, 6000)), 15),
    "StaleKeys": (quiet(StaleKeys={0: [1.0]}), 15),
    "SharedTableDown": (quiet(SharedTableDown={0: [1.0]}), 15),
}
IS_SILENT: dict[str, Series] = {
    "Unavailable": busy(Unavailable=SIX_IN_FIVE_MINUTES),
    "ApiServerErrors": busy(fivexx=SIX_IN_FIVE_MINUTES),
    "CredentialRefused": busy(Refused=every(1, 10)),
    "ScopeMismatch": busy(Fault=ONCE),
    "SharedCacheUnreadable": busy(SharedTableDown=ONCE),
    "StaleSecret": busy(StaleKeys=ONCE),
    "IamFunctionErrors": traffic(Errors_BrokerFunction=ONCE, Errors_TokenFunction=ONCE),
    "ForeignAssembly": busy(Refused=every(1, 10), ScopeMismatch=ONCE),
    # What fails is kept: that is no loss.
    "LostEvents": traffic(Errors_AssemblyFunction=every(1, 10), ApproximateNumberOfMessagesVisible=every(1, 100)),
    "Fault": busy(Unavailable=ONCE),
    "SomeServerErrors": busy(fivexx=every(1, 30)),
    # The Token function raises each refusal, and the one for IAM principals has an alarm of its own.
    # So does the Assembly function.
    "FunctionErrors": traffic(
        Errors_TokenFunction=every(1, 10), Errors_AssemblyFunction=every(1, 10), Errors_IamFunction=ONCE
    ),
    "FunctionThrottles": busy(ApiThrottled=ONCE, OverBudget=ONCE),
    "TokenFunctionTimeouts": traffic(Duration_TokenFunction=every(1, 14_400.0)),
    "AssemblyFunctionTimeouts": traffic(Duration_AssemblyFunction=every(1, 59_000.0)),
    "DeadLetters": traffic(ApproximateNumberOfMessagesVisible=every(1, 0.0)),
    # Five tries of one message.
    "AssemblyQueueAge": traffic(ApproximateAgeOfOldestMessage=every(1, 5 * 361.0)),
    "NotificationFault": quiet(NotificationUnavailable=ONCE, Fault=ONCE),
    # api2 comes too early now and then.
    "NotificationUnavailable": quiet(NotificationUnavailable=every(30)),
    "NotificationRefused": quiet(NotificationRefused=every(15)),
    "Refused": busy(Refused=every(1, 600)),
    "ApiThrottled": busy(ApiThrottled=every(1, 100), OverBudget=every(1, 3000)),
    "OverBudget": quiet(OverBudget=every(6, start=60, end=80)),
    "UpstreamThrottled": quiet(UpstreamThrottled=every(10)),
    "ApiLatency": busy(Latency=every(1, 4000) | {60: [9000.0], 61: [9000.0]}),
    "StaleKeys": busy(StaleSecret=ONCE),
    "SharedTableDown": busy(SharedCacheUnreadable=ONCE),
}


def ringing(series: Series, minutes: int = HOURS) -> set[str]:
    return {name for name, alarm in ALARMS.items() if first_ring(alarm, series, minutes) is not None}


def severity(name: str) -> str:
    return str(ALARMS[name]["AlarmName"]).split("-")[1]


def test_every_alarm_has_traffic_that_rings_it_and_traffic_that_does_not() -> None:
    assert ALARMS.keys() == RINGS.keys() == IS_SILENT.keys()


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_rings_in_time_for_what_it_is_for(name: str) -> None:
    series, within = RINGS[name]
    found = first_ring(ALARMS[name], series, HOURS)
    assert found is not None
    assert found <= within


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_silent_for_what_it_is_not_for(name: str) -> None:
    assert first_ring(ALARMS[name], IS_SILENT[name], HOURS) is None


@pytest.mark.parametrize("start", range(0, 30, 5))
def test_a_quiet_broker_that_fails_pages_within_half_an_hour_whenever_that_begins(start: int) -> None:
    failing = quiet(Unavailable=every(6, start=60 + start), fivexx=every(6, start=60 + start))
    for name in ("Unavailable", "ApiServerErrors"):
        found = first_ring(ALARMS[name], failing, HOURS)
        assert found is not None
        assert found - (60 + start) <= 30


def test_six_5xx_in_five_minutes_of_a_busy_broker_wake_nobody() -> None:
    assert ringing(busy(Unavailable=SIX_IN_FIVE_MINUTES, fivexx=SIX_IN_FIVE_MINUTES)) == set()


def test_a_busy_broker_that_fails_pages_within_five_minutes() -> None:
    failing = busy(Unavailable=every(1, 6000, start=60), fivexx=every(1, 6000, start=60))
    for name in ("Unavailable", "ApiServerErrors"):
        found = first_ring(ALARMS[name], failing, HOURS)
        assert found is not None
        assert 60 < found <= 65


def test_a_single_500_raises_a_ticket_and_no_page() -> None:
    assert ringing(quiet(Fault=ONCE, fivexx=ONCE)) == {"Fault"}
    assert severity("Fault") == "ticket"


def test_one_answer_in_twenty_that_fails_is_a_ticket_and_no_page() -> None:
    assert ringing(busy(Unavailable=every(1, 300), fivexx=every(1, 300))) == {"SomeServerErrors"}
    assert severity("SomeServerErrors") == "ticket"


def test_a_function_that_cannot_start_pages_though_it_leaves_no_record() -> None:
    # API Gateway counts and Lambda counts; the broker itself writes nothing.
    down = traffic(Count=every(6), fivexx=every(6), Errors_BrokerFunction=every(6))
    assert ringing(down, 30) == {"ApiServerErrors", "SomeServerErrors", "FunctionErrors"}


def test_an_issuer_that_changes_a_claim_is_heard_within_the_hour_and_can_wait() -> None:
    changed = quiet(Granted=every(6, end=60), Refused=every(6, start=60))
    assert ringing(changed, 60 + 60) == {"Refused"}
    assert severity("Refused") == "ticket"


def test_strangers_who_post_to_the_route_of_notifications_raise_a_ticket_and_wake_nobody() -> None:
    assert ringing(busy(Notification=every(1, 60), NotificationRefused=every(1, 60))) == {"NotificationRefused"}
    assert severity("NotificationRefused") == "ticket"


def test_an_event_that_no_retry_helps_waits_for_the_morning() -> None:
    # Lambda counts the error, and the message is kept.
    failed = traffic(Errors_AssemblyFunction=ONCE, ApproximateNumberOfMessagesVisible={65: [1.0]})
    assert ringing(failed) == {"DeadLetters"}
    assert severity("DeadLetters") == "ticket"


@pytest.mark.parametrize("function", ["BrokerFunction", "NotificationFunction"])
def test_an_error_of_a_function_that_raises_none_on_purpose_is_a_ticket(function: str) -> None:
    assert ringing(traffic(**{f"Errors_{function}": ONCE})) == {"FunctionErrors"}
    assert severity("FunctionErrors") == "ticket"


@pytest.mark.parametrize("function", ["BrokerFunction", "IamFunction", "TokenFunction", *OF_PIPELINES])
def test_throttles_of_any_function_ring(function: str) -> None:
    assert ringing(traffic(**{f"Throttles_{function}": ONCE})) == {"FunctionThrottles"}


def test_each_kind_of_throttling_rings_its_own_alarm() -> None:
    assert ringing(busy(ApiThrottled=every(1, 600))) == {"ApiThrottled"}
    assert ringing(busy(OverBudget=every(1, 600))) == {"OverBudget"}
    assert ringing(busy(UpstreamThrottled=every(1, 1))) == {"UpstreamThrottled"}
    assert ringing(busy(Throttles_BrokerFunction=ONCE)) == {"FunctionThrottles"}


def test_without_traffic_all_is_silent() -> None:
    assert ringing({}) == set()


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_names_its_severity_and_notifies_that_topic_when_it_rises_and_when_it_ends(name: str) -> None:
    kind = severity(name)
    assert ALARMS[name]["AlarmName"] == f"local-{kind}-{name}"
    topic = EVERYTHING[{"page": "PageTopicArn", "ticket": "TicketTopicArn"}[kind]]
    assert ALARMS[name]["AlarmActions"] == ALARMS[name]["OKActions"] == [topic]


def test_somebody_gets_up_when_callers_are_turned_away_or_somebody_tampers_and_for_nothing_else() -> None:
    assert {name for name in ALARMS if severity(name) == "page"} == {
        "Unavailable",
        "ApiServerErrors",
        "CredentialRefused",
        "ScopeMismatch",
        "SharedCacheUnreadable",
        "StaleSecret",
        "IamFunctionErrors",
        "ForeignAssembly",
        "LostEvents",
    }


def test_alarms_of_functions_that_are_not_deployed_are_not_there_and_a_missing_topic_is_none() -> None:
    plain = of_kind("AWS::CloudWatch::Alarm")
    assert ALARMS.keys() - {name.removesuffix(SUFFIX) for name in plain} == {
        "IamFunctionErrors",
        "TokenFunctionTimeouts",
        "ForeignAssembly",
        "LostEvents",
        "AssemblyFunctionTimeouts",
        "DeadLetters",
        "AssemblyQueueAge",
        "NotificationFault",
        "NotificationUnavailable",
        "NotificationRefused",
    }
    assert not any("AlarmActions" in alarm or "OKActions" in alarm for alarm in plain.values())
    for name, total in (("FunctionThrottles", "throttles"), ("FunctionErrors", "errors")):
        assert [each["Id"] for each in plain[f"{name}Alarm"]["Metrics"]] == [total, "broker"]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_names_its_section_of_the_runbook_which_is_there(name: str) -> None:
    assert ALARMS[name]["AlarmDescription"].endswith(f"See docs/operations.md, {name}")
    assert f"\n### {name}\n" in (ROOT / "docs/operations.md").read_text()


def metrics_of_alarms() -> set[tuple[str, str]]:
    """(namespace, metric)"""
    stats = [
        each["MetricStat"]["Metric"]
        for alarm in ALARMS.values()
        for each in alarm.get("Metrics", [])
        if "MetricStat" in each
    ]
    return {(each["Namespace"], each["MetricName"]) for each in [*stats, *ALARMS.values()] if "Namespace" in each}


@pytest.mark.parametrize("function", ["TokenFunction", "AssemblyFunction"])
def test_the_timeout_that_an_alarm_waits_for_is_the_function_s(function: str) -> None:
    timeout = of_kind("AWS::Lambda::Function", **EVERYTHING)[function]["Timeout"]
    assert ALARMS[f"{function}Timeouts"]["Threshold"] == timeout * 1000


def test_an_old_event_rings_only_after_all_tries_of_a_message() -> None:
    queue = of_kind("AWS::SQS::Queue", **EVERYTHING)["AssemblyQueue"]
    longest = queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"]
    assert longest < ALARMS["AssemblyQueueAge"]["Threshold"]


def test_the_broker_s_own_alarms_watch_metrics_that_it_writes() -> None:
    code = "".join(file.read_text() for file in (ROOT / "functions/broker").rglob("*.py"))
    filters = of_kind("AWS::Logs::MetricFilter").values()
    written = {each["MetricTransformations"][0]["MetricName"] for each in filters} | set(
        re.findall(r'"([A-Za-z]+)"', code)
    )
    written |= {f"Notification{kind}" for kind in written}
    assert {metric for space, metric in metrics_of_alarms() if space == "TokenBroker"} <= written


@pytest.mark.parametrize(
    ("board", "name", "watched"),
    [
        ("Dashboard", "local-us-east-1", {"local", "BrokerFunction", "Api"}),
        (
            "PipelinesDashboard",
            "local-pipelines-us-east-1",
            {"local", *OF_PIPELINES, "AssemblyQueue.QueueName", "AssemblyDeadLetters.QueueName"},
        ),
    ],
)
def test_a_dashboard_is_json_that_watches_this_deployment(board: str, name: str, watched: set[str]) -> None:
    dashboard = of_kind("AWS::CloudWatch::Dashboard", **EVERYTHING)[board]
    assert dashboard["DashboardName"] == name
    widgets = json.loads(dashboard["DashboardBody"])["widgets"]
    assert all(widget["properties"]["title"] for widget in widgets)
    metrics = [metric for widget in widgets for metric in widget["properties"].get("metrics", [])]
    assert {metric[3] for metric in metrics} == watched


def test_every_urgent_alarm_is_on_a_dashboard_and_that_of_pipelines_is_there_with_them_alone() -> None:
    boards = of_kind("AWS::CloudWatch::Dashboard", **EVERYTHING)
    widgets = [each for board in boards.values() for each in json.loads(board["DashboardBody"])["widgets"]]
    shown = {alarm.removesuffix("Alarm.Arn") for each in widgets for alarm in each["properties"].get("alarms", [])}
    assert shown <= ALARMS.keys()
    assert {name for name in ALARMS if severity(name) == "page"} - shown == {"IamFunctionErrors"}
    assert of_kind("AWS::CloudWatch::Dashboard").keys() == {"Dashboard"}


def test_without_a_queue_the_dashboard_of_pipelines_names_none() -> None:
    board = of_kind("AWS::CloudWatch::Dashboard", AssemblyCaller="originals")["PipelinesDashboard"]
    assert "AssemblyQueue" not in board["DashboardBody"].replace("AssemblyQueueAge", "")
    json.loads(board["DashboardBody"])
