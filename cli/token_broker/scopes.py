"""A message for a mistyped scope of Transloadit's API."""

import re
from collections.abc import Iterator

from broker.policy.scopes import SCOPES

from token_broker.names import unknown


def unknown_scopes(scope: str) -> Iterator[str]:
    """A message for each name in `scope` that is not a scope of Transloadit. Spaces or commas separate the names."""
    for name in re.findall("[^ ,]+", scope):
        if name not in SCOPES:
            yield unknown("scope of Transloadit", name, SCOPES)
