"""Names that are not known, each told with the one that was most likely meant."""

import difflib
import re
from collections.abc import Iterable, Iterator

from token_broker.policy.model import SCOPES


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Such as "no issuer `sit`; did you mean `site`?"; without a near one, all that there are."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"no {kind} `{name}`; " + (f"did you mean `{near[0]}`?" if near else f"one of {', '.join(names)}")


def unknown_scopes(scope: str) -> Iterator[str]:
    """Each name in `scope`, separated by spaces or commas, that is no scope of Transloadit."""
    for name in re.findall("[^ ,]+", scope):
        if name not in SCOPES:
            yield unknown("scope of Transloadit", name, SCOPES)
