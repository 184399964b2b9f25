"""Evaluates CloudWatch alarms on made-up metrics: statistics, metric math and periods.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarm-evaluation
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

# The values of each minute, by metric and the value of its one dimension.
Series = Mapping[tuple[str, str], Mapping[int, list[float]]]

_STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Sum": math.fsum,
    "Maximum": max,
    "p99": lambda values: sorted(values)[math.ceil(0.99 * len(values)) - 1],
}
_OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.GtE: operator.ge,
}


def first_ring(alarm: Mapping[str, Any], series: Series, minutes: int) -> int | None:
    """The first minute at whose end the alarm is in ALARM. CloudWatch looks every minute, at periods that end then."""
    return next((end for end in range(1, minutes + 1) if _is_in_alarm(alarm, series, end)), None)


def _is_in_alarm(alarm: Mapping[str, Any], series: Series, end: int) -> bool:
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    length = _period(alarm) // 60
    points = [_value(alarm, series, end - length * n, length) for n in range(alarm["EvaluationPeriods"])]
    breaching = [point for point in points if point is not None and point >= alarm["Threshold"]]
    assert "DatapointsToAlarm" not in alarm
    return len(breaching) == len(points)


def _period(alarm: Mapping[str, Any]) -> int:
    if "Metrics" not in alarm:
        return int(alarm["Period"])
    (period,) = {each["MetricStat"]["Period"] for each in alarm["Metrics"] if "MetricStat" in each}
    return int(period)


def _value(alarm: Mapping[str, Any], series: Series, end: int, length: int) -> float | None:
    """The data point of the period that ends with minute `end`; None where there is none."""
    if "Metrics" not in alarm:
        return _statistic(alarm, alarm.get("Statistic") or alarm["ExtendedStatistic"], series, end, length)
    values = {
        each["Id"]: _statistic(each["MetricStat"]["Metric"], each["MetricStat"]["Stat"], series, end, length)
        for each in alarm["Metrics"]
        if "MetricStat" in each
    }
    (expression,) = (each["Expression"] for each in alarm["Metrics"] if "Expression" in each)
    assert all(each.get("ReturnData", True) == ("Expression" in each) for each in alarm["Metrics"])
    return _evaluate(ast.parse(expression, mode="eval").body, values)


def _statistic(metric: Mapping[str, Any], name: str, series: Series, end: int, length: int) -> float | None:
    (dimension,) = metric["Dimensions"]
    measured = series.get((metric["MetricName"], dimension["Value"]), {})
    values = [value for minute in range(end - length, end) for value in measured.get(minute, [])]
    return _STATISTICS[name](values) if values else None


def _evaluate(node: ast.expr, values: Mapping[str, float | None]) -> float | None:
    """Evaluate metric math at one point in time. With a missing operand the result is missing."""
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=sign, right=right) | ast.Compare(left=left, ops=[sign], comparators=[right]):
            one, other = _evaluate(left, values), _evaluate(right, values)
            return None if one is None or other is None else _OPERATORS[type(sign)](one, other)
        case ast.Call(func=ast.Name(id="FILL"), args=[series, otherwise]):
            found = _evaluate(series, values)
            return _evaluate(otherwise, values) if found is None else found
        case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
            return _evaluate(then if _evaluate(condition, values) else otherwise, values)
        case ast.Call(func=ast.Name(id="SUM"), args=[ast.Call(func=ast.Name(id="METRICS"), args=[])]):
            found_ones = [value for value in values.values() if value is not None]
            return math.fsum(found_ones) if found_ones else None
    raise ValueError(f"not known of metric math: {ast.unparse(node)}")
