"""Bodies of notifications in disguise: refused before a secret is read."""

import base64
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.kit.notifications import (
    Reception,
    sign,
)

OTHER_ID = "fedcba98765443218fedcba987654321"
CREDENTIAL = ("transloadit/default", "AWSCURRENT")
BEFORE = ("transloadit/default", "AWSPREVIOUS")
NEW_KEY, NEWEST_KEY = "22" * 32, "33" * 32

MEGABYTE = 1_000_000


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json", "multipart/mixed; boundary=X", "a/b;"])
def test_a_body_of_another_type_is_refused(content_type: str) -> None:
    reception = Reception()
    assert reception.refuses(reception.send("{}", content_type), 415)
    assert reception.has_learned_nothing()


def test_a_body_of_more_than_a_megabyte_is_refused() -> None:
    reception = Reception()
    text = reception.text(padding="x" * MEGABYTE)
    assert reception.refuses(reception.post(text), 413)
    assert reception.refuses(reception.post_multipart({"transloadit": text, "signature": sign(text)}), 413)
    assert reception.has_learned_nothing()


def test_a_body_of_nearly_a_megabyte_is_taken() -> None:
    reception = Reception()
    text = reception.text(padding="x" * (MEGABYTE - 2000))
    assert reception.post_multipart({"transloadit": text, "signature": sign(text)}).body == {"status": "completed"}


def form(*pairs: tuple[str, str]) -> str:
    return urlencode(pairs)


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [("transloadit", "{}")],
        [("signature", sign("{}"))],
        [("transloadit", ""), ("signature", sign(""))],
        [("Transloadit", "{}"), ("Signature", sign("{}"))],
        [("transloadit", "{}"), ("signature", sign("{}")), ("transloadit", "{}")],
        [("transloadit", "{}"), ("signature", sign("{}")), ("signature", sign("{}"))],
        [("transloadit", "{}"), ("signature", sign("{}")), ("other", "1"), ("other", "1")],
    ],
    ids=str,
)
def test_a_form_without_each_field_once_is_refused(pairs: list[tuple[str, str]]) -> None:
    reception = Reception()
    assert reception.refuses(reception.send(urlencode(pairs)), 400)
    assert reception.has_learned_nothing()


def multipart(reception: Reception, *parts: str, boundary: str = "X", content_type: str | None = None) -> Any:
    """A body of these parts: each its head, an empty line and its text."""
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"
    return reception.send(body, content_type or f"multipart/form-data; boundary={boundary}")


def part(name: str, text: str, more: str = "", heads: str = "") -> str:
    return f'Content-Disposition: form-data; name="{name}"{more}\r\n{heads}\r\n{text}'


def test_a_multipart_notification_is_taken() -> None:
    reception = Reception()
    text = reception.text()
    assert multipart(reception, part("transloadit", text), part("signature", sign(text))).status == 200


def test_a_multipart_body_in_disguise_is_refused() -> None:
    reception = Reception()
    text, good = reception.text(), part("signature", sign(reception.text()))
    json_, encoded = "Content-Type: text/html\r\n", "Content-Transfer-Encoding: base64\r\n"
    nested = "Content-Type: multipart/mixed; boundary=Y\r\n"
    inner = f"--Y\r\n{part('transloadit', text)}\r\n--Y--"
    disguises = [
        [part("transloadit", text, '; filename="a.json"'), good],
        [part("transloadit", text, "; filename*=utf-8''a.json"), good],
        [part("transloadit", text, heads=json_), good],
        [part("transloadit", base64.b64encode(text.encode()).decode(), heads=encoded), good],
        [part("files", inner, heads=nested), good],
        [part("transloadit", text), part("transloadit", text), good],
        [part("transloadit", text), good, good],
        [part("transloadit", text), good, part("other", "1"), part("other", "2")],
        [part("transloadit", text).replace("\r\n", "\n"), good],
        [part("transloadit", text), good] + [part(f"f{number}", "1") for number in range(100)],
    ]
    for parts in disguises:
        assert reception.refuses(multipart(reception, *parts), 400)
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=X; boundary=Y"):
        answer = multipart(reception, part("transloadit", text), good, content_type=content_type)
        assert reception.refuses(answer, 400)
    assert reception.has_learned_nothing()


def test_text_around_the_parts_is_refused() -> None:
    reception = Reception()
    text = reception.text()
    body = f"--X\r\n{part('transloadit', text)}\r\n--X\r\n{part('signature', sign(text))}\r\n--X--\r\n"
    for changed in (f"before\r\n{body}", f"{body}after", body + body):
        assert reception.refuses(reception.send(changed, "multipart/form-data; boundary=X"), 400)
    assert reception.has_learned_nothing()
