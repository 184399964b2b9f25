"""A small CloudWatch Logs Insights: flattens JSON lines as it does, and runs the few commands that our queries use.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

import json
import re
from collections.abc import Iterable
from typing import Any

MAX_FIELDS = 200  # of one event; those behind are not found

Row = dict[str, Any]

_COMPARISON = re.compile(r'(?P<field>[@\w.]+) (?P<sign>=|!=|>=|<=|<|>|like) (?P<value>"[^"]*"|/[^/]*/|[\d.]+)')
_PRESENT = re.compile(r"ispresent\((?P<field>[@\w.]+)\)")
_AGGREGATE = re.compile(r"(?P<name>count|avg|max)\((?P<field>[@*\w.]+)\) as (?P<alias>\w+)")


def flatten(line: str) -> Row:
    """The fields that Insights finds in a log line: dotted names, list items by their number, null is no field."""
    found: Row = {"@message": line}

    def walk(value: Any, name: str) -> None:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
        if items is not None:
            for key, item in items:
                walk(item, f"{name}.{key}" if name else str(key))
        elif value is not None and len(found) <= MAX_FIELDS:
            found[name] = int(value) if isinstance(value, bool) else value

    document = json.loads(line)
    walk(document, "")
    found["@timestamp"] = document.get("timestamp") or document.get("time")
    return found


def answer(query: str, lines: Iterable[str]) -> list[Row]:
    """The rows that a query shows. Raises ValueError for a command that is not implemented here."""
    rows = [flatten(line) for line in lines]
    for command in re.split(r"\s*\n\s*\|\s*|\s\|\s", query.strip()):
        name, _, rest = command.partition(" ")
        rows = _COMMANDS[name](rows, rest)
    return rows


def _filter(rows: list[Row], text: str) -> list[Row]:
    def holds(row: Row) -> bool:
        return any(all(_test(row, each) for each in one.split(" and ")) for one in text.split(" or "))

    return [row for row in rows if holds(row)]


def _test(row: Row, text: str) -> bool:
    if present := _PRESENT.fullmatch(text):
        return present["field"] in row
    found = _COMPARISON.fullmatch(text)
    if found is None:
        raise ValueError(f"not known in a filter: {text}")
    if found["field"] not in row:
        return False
    value, sign, wanted = row[found["field"]], found["sign"], found["value"]
    if sign == "like":
        return re.search(wanted.strip('/"'), str(value)) is not None
    if sign in ("=", "!="):
        return (str(value) == wanted.strip('"')) == (sign == "=")
    number, limit = float(value), float(wanted)
    return {">=": number >= limit, "<=": number <= limit, "<": number < limit, ">": number > limit}[sign]


def _fields(rows: list[Row], text: str) -> list[Row]:
    names = [name.strip() for name in text.split(",")]
    if not all(re.fullmatch(r"[@\w.]+", name) for name in names):
        raise ValueError(f"not known in fields: {text}")
    return [{name: row.get(name) for name in names} for row in rows]


def _stats(rows: list[Row], text: str) -> list[Row]:
    wanted, _, by = text.partition(" by ")
    names = [name.strip() for name in by.split(",")]
    aggregates = [_AGGREGATE.fullmatch(each.strip()) for each in wanted.split(",")]
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(name) for name in names), []).append(row)
    found = []
    for key, group in groups.items():
        shown = dict(zip(names, key, strict=True))
        for each in aggregates:
            if each is None:
                raise ValueError(f"not known in stats: {wanted}")
            shown[each["alias"]] = _aggregated(each["name"], each["field"], group)
        found.append(shown)
    return found


def _aggregated(name: str, field: str, rows: list[Row]) -> float:
    if name == "count":
        return len(rows)
    values = [float(row[field]) for row in rows if field in row]
    return max(values) if name == "max" else sum(values) / len(values)


def _sort(rows: list[Row], text: str) -> list[Row]:
    name, direction = text.split(" ")
    return sorted(rows, key=lambda row: row[name], reverse={"desc": True, "asc": False}[direction])


def _limit(rows: list[Row], text: str) -> list[Row]:
    return rows[: int(text)]


_COMMANDS = {"filter": _filter, "fields": _fields, "stats": _stats, "sort": _sort, "limit": _limit}
