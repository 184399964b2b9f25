"""Lists that are filtered, sorted and paged: https://transloadit.com/docs/api/assemblies-get/"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.sandbox.errors import ApiError

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """`error`: the code of a bad request. `sorts`: by what it may be sorted. `largest`: page size."""

    error: str
    sorts: tuple[str, ...]
    largest: int = 5000

    def page(self, rows: list[Row], params: Mapping[str, Any], text: Callable[[Row], str]) -> dict[str, Any]:
        """`{count, items}` of rows that have `created` in ISO 8601; `text`: where keywords are looked for.

        Raises ApiError.
        """
        for name, keeps in (("fromdate", 1), ("todate", -1)):
            if (moment := self._moment(params, name)) is not None:
                rows = [
                    row
                    for row in rows
                    if (datetime.fromisoformat(row["created"]) - moment).total_seconds() * keeps >= 0
                ]
        for keyword in self._keywords(params):
            rows = [row for row in rows if keyword.lower() in text(row).lower()]
        order, sort = params.get("order", "desc"), params.get("sort", "created")
        if sort not in self.sorts or order not in ("asc", "desc"):
            raise self._refusal(f"sort is one of {', '.join(self.sorts)}, order asc or desc")
        rows = sorted(rows, key=lambda row: (row[sort] is not None, row[sort]), reverse=order == "desc")
        size, page = self._number(params, "pagesize", 50, self.largest), self._number(params, "page", 1, 10**9)
        return {"count": len(rows), "items": rows[(page - 1) * size : page * size]}

    def _moment(self, params: Mapping[str, Any], name: str) -> datetime | None:
        value = params.get(name)
        if value in (None, "NOW()"):
            return None
        try:
            return datetime.strptime(str(value), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            raise self._refusal(f"{name} is a time such as 2026-11-24 10:00:00") from None

    def _keywords(self, params: Mapping[str, Any]) -> list[str]:
        keywords = params.get("keywords") or []
        if not isinstance(keywords, list):
            raise self._refusal("keywords is a list of texts")
        return [str(keyword) for keyword in keywords]

    def _number(self, params: Mapping[str, Any], name: str, default: int, highest: int) -> int:
        value = params.get(name, default)
        if not str(value).isascii() or not str(value).isdigit() or not 1 <= int(value) <= highest:
            raise self._refusal(f"{name} is a whole number from 1 to {highest}")
        return int(value)

    def _refusal(self, message: str) -> ApiError:
        return ApiError(self.error, message)
