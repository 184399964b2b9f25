"""Lists that are filtered, sorted and paged: https://transloadit.com/docs/api/assemblies-get/"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.sandbox.errors import ApiError
from local.sandbox.values import whole_number

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """`error`: the code of a bad request. `sorts`: the columns that may sort it. `largest`: the largest page."""

    error: str
    sorts: tuple[str, ...]
    largest: int = 5000

    def page[T](
        self,
        found: Sequence[T],
        params: Mapping[str, Any],
        value: Callable[[T, str], Any],
        text: Callable[[T], str],
        row: Callable[[T], Row],
    ) -> dict[str, Any]:
        """One page as `{count, items}`. Only the rows of this page are built.

        `value` gives a column of a thing, where `created` is in seconds. `text` gives the text in which keywords are
        searched. Raises ApiError.
        """
        for name, keeps in (("fromdate", 1), ("todate", -1)):
            if (moment := self._moment(params, name)) is not None:
                found = [each for each in found if (value(each, "created") - moment) * keeps >= 0]
        for keyword in self._keywords(params):
            found = [each for each in found if keyword.lower() in text(each).lower()]
        order, sort = params.get("order", "desc"), params.get("sort", "created")
        if sort not in self.sorts or order not in ("asc", "desc"):
            raise self._refusal(f"sort is one of {', '.join(self.sorts)}, order asc or desc")
        size, page = self._number(params, "pagesize", 50, self.largest), self._number(params, "page", 1, 10**9)
        ordered = sorted(found, key=lambda each: value(each, sort), reverse=order == "desc")
        return {"count": len(ordered), "items": [row(each) for each in ordered[(page - 1) * size : page * size]]}

    def _moment(self, params: Mapping[str, Any], name: str) -> float | None:
        value = params.get(name)
        if value in (None, "NOW()"):
            return None
        text = str(value)
        # The official command line sends a date without a time; it means the beginning of that day.
        layout = "%Y-%m-%d %H:%M:%S" if " " in text else "%Y-%m-%d"
        try:
            return datetime.strptime(text, layout).replace(tzinfo=UTC).timestamp()
        except ValueError:
            raise self._refusal(f"{name} is a time such as 2026-11-24 10:00:00, or a day") from None

    def _keywords(self, params: Mapping[str, Any]) -> list[str]:
        keywords = params.get("keywords") or []
        if not isinstance(keywords, list):
            raise self._refusal("keywords is a list of texts")
        return [str(keyword) for keyword in keywords]

    def _number(self, params: Mapping[str, Any], name: str, default: int, highest: int) -> int:
        try:
            return whole_number(params.get(name, default), 1, highest)
        except ValueError:
            raise self._refusal(f"{name} is a whole number from 1 to {highest}") from None

    def _refusal(self, message: str) -> ApiError:
        return ApiError(self.error, message)
