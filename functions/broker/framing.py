"""Several byte strings as one, without doubt where each ends."""


def framed(*parts: bytes) -> bytes:
    """The parts, each behind its length, so that no two lists of parts are the same bytes."""
    return b"".join(len(part).to_bytes(4) + part for part in parts)
