"""Messages about unknown names, with the nearest known name as a suggestion."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most similar to this one, or None if none is similar."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return near[0] if near else None


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Such as "no issuer `sit`; did you mean `site`?". Without a similar name it lists all known names."""
    names = list(known)
    near = nearest(name, names)
    return f"no {kind} `{name}`; " + (f"did you mean `{near}`?" if near else f"one of {', '.join(names)}")
