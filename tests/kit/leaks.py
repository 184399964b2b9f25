"""Searches what is kept for secrets, in every form in which a program may have written them down."""

import base64
import json
from collections import defaultdict
from collections.abc import Mapping
from urllib.parse import quote

_SHORTEST = 6  # bytes; anything shorter is found by chance


def find_secrets(secrets: Mapping[str, str | bytes], places: Mapping[str, str | bytes]) -> set[tuple[str, str]]:
    """Which secret is in which place, both by their names. Raises ValueError for a secret that is too short."""
    forms = {form: name for name, secret in secrets.items() for form in write_forms(_encode(secret))}
    length = min(map(len, forms))
    if length < _SHORTEST:
        raise ValueError("a secret is too short to be searched for")
    # Thousands of forms in megabytes of text: so each place is gone through once, and not once for each form.
    by_start = defaultdict(list)
    for form in forms:
        by_start[form[:length]].append(form)
    found = set()
    for place, kept in places.items():
        data = _encode(kept)
        for at in range(len(data) - length + 1):
            for form in by_start.get(data[at : at + length], ()):
                if data.startswith(form, at):
                    found.add((forms[form], place))
    return found


def write_forms(secret: bytes) -> set[bytes]:
    """The secret as it is, in hex and in base64, each of them also as URLs, JSON and Python's own texts escape it."""
    plain = {secret, secret.hex().encode(), secret.hex().upper().encode(), *_write_base64(secret)}
    return {form for each in plain for form in (each, *_escape(each))}


def _write_base64(secret: bytes) -> set[bytes]:
    """What stands for the secret within the base64 of a longer text, wherever in it the secret begins.

    Three bytes become four characters. So the secret begins at one of three places, and the characters at its ends may
    hold bits of its neighbours.
    """
    found = set()
    for before in range(3):
        whole = base64.b64encode(bytes(before) + secret)
        inner = whole[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]
        found |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def _escape(form: bytes) -> set[bytes]:
    urls = [quote(form, safe=""), quote(form)]
    found = {*urls, *map(_lower_escapes, urls), repr(form)[2:-1]}
    try:
        text = json.dumps(form.decode())[1:-1]
    except UnicodeDecodeError:
        pass  # bytes that are no text are in no JSON
    else:
        found |= {text, text.replace("/", "\\/"), json.dumps(text)[1:-1]}
    return {each.encode() for each in found}


def _lower_escapes(url: str) -> str:
    first, *others = url.split("%")
    return first + "".join(f"%{each[:2].lower()}{each[2:]}" for each in others)


def _encode(kept: str | bytes) -> bytes:
    return kept.encode() if isinstance(kept, str) else kept
