"""A form in either encoding, of which multipart is read as text fields (RFC 7578), and as nothing else that it can be.

The standard library's parser is made for mail: it looks for parts within parts, decodes what a part says of itself,
takes broken bodies as well as it can, and needs nine seconds for a megabyte of boundaries.
"""

import re
from collections.abc import Iterator

from broker.base import errors
from broker.request.http import (
    FORM,
    MAX_FIELDS,
    HttpRequest,
    check_content_type,
    decode_body,
    keep_once,
    parse_fields,
    read_content_type,
)

MULTIPART = "multipart/form-data"
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=?-]{1,70}")  # RFC 2046 section 5.1.1, without its spaces
# RFC 7578 section 4.2. Nothing may follow the name: a `filename` would make a file of the field.
_DISPOSITION = re.compile(rb'form-data; ?name="([A-Za-z0-9_]{1,64})"')
# What a part may say beside its name. Nothing of it changes how the bytes are read.
_HARMLESS = {
    b"content-type": re.compile(rb"(?:text/plain|application/json)(?:; ?charset=\"?utf-8\"?)?", re.IGNORECASE),
    b"content-length": re.compile(rb"[0-9]{1,9}"),
}


def read_any_form(http: HttpRequest, limit: int) -> dict[str, str]:
    """The fields of a form, in a body of at most `limit` bytes. Raises InvalidRequest or one of its subclasses."""
    body, content_type = decode_body(http, limit), http.headers.get("content-type", "")
    media_type, parameters = read_content_type(content_type)
    if media_type != MULTIPART:
        check_content_type(content_type, FORM)
        return parse_fields(body)
    try:
        boundaries = [value for name, value in parameters if name == "boundary"]
        pairs = [(name, value.decode()) for name, value in split_multipart(body, boundaries, MAX_FIELDS)]
    except ValueError as error:
        raise errors.InvalidRequest("multipart", "The body is not a form of text fields in UTF-8.") from error
    return keep_once(pairs)


def split_multipart(body: bytes, boundaries: list[str], most: int) -> Iterator[tuple[str, bytes]]:
    """Names and values of the fields, at most so many. Raises ValueError for all that is no form of such fields.

    `boundaries`: all that the content type names, since of two a proxy may take the other.
    """
    if len(boundaries) != 1 or not _BOUNDARY.fullmatch(boundaries[0]):
        raise ValueError("boundary")
    # The line break before a boundary belongs to it (RFC 2046 section 5.1.1), and the first one begins the body.
    pieces = (b"\r\n" + body).split(f"\r\n--{boundaries[0]}".encode(), most + 1)
    # Text before the first boundary or after the last one is read by some parsers and not by others.
    if len(pieces) < 2 or pieces[0] or pieces[-1] not in (b"--", b"--\r\n"):
        raise ValueError("delimiters")
    for part in pieces[1:-1]:
        head, separator, value = part.partition(b"\r\n\r\n")
        if not separator or not head.startswith(b"\r\n"):
            raise ValueError("part")
        yield _read_name(head[2:]), value


def _read_name(head: bytes) -> str:
    name = None
    for line in head.split(b"\r\n"):
        title, _, text = line.partition(b":")
        title, text = title.lower(), text.strip(b" ")
        if title == b"content-disposition" and name is None:
            name = _DISPOSITION.fullmatch(text)
            if name is None:
                raise ValueError("disposition")
        elif title not in _HARMLESS or not _HARMLESS[title].fullmatch(text):
            raise ValueError("header of a part")
    if name is None:
        raise ValueError("no name")
    return name[1].decode()
