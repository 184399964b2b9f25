"""Names that are not known, each told with the one that was most likely meant."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like this one; None where none is like it."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return near[0] if near else None


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Such as "no issuer `sit`; did you mean `site`?"; without a near one, all that there are."""
    names = list(known)
    near = nearest(name, names)
    return f"no {kind} `{name}`; " + (f"did you mean `{near}`?" if near else f"one of {', '.join(names)}")
