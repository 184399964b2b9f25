"""A name that is not known, told with the one that was most likely meant."""

import difflib
from collections.abc import Iterable


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Such as "no issuer `sit`; did you mean `site`?"; without a near one, all that there are."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"no {kind} `{name}`; " + (f"did you mean `{near[0]}`?" if near else f"one of {', '.join(names)}")
