"""What a file is, by its bytes before its name."""

import pytest

from local.sandbox.media import recognise

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'


@pytest.mark.parametrize(
    ("content", "known"),
    [
        (b"\x89PNG\r\n\x1a\n\x00", ("image/png", "png")),
        (b"\xff\xd8\xff\xdb", ("image/jpeg", "jpg")),
        (b"GIF89a", ("image/gif", "gif")),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", ("image/webp", "webp")),
        (b"%PDF-1.4", ("application/pdf", "pdf")),
        (b"\x00\x00\x00\x20ftypisom", ("video/mp4", "mp4")),
        (b"\x00\x00\x00\x18ftypmp42", ("video/mp4", "mp4")),
        (b"ID3\x04", ("audio/mpeg", "mp3")),
        (b"\xff\xfb\x90", ("audio/mpeg", "mp3")),
        (SVG, ("image/svg+xml", "svg")),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- <html> -->\n" + SVG, ("image/svg+xml", "svg")),
        (b"<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'svg11.dtd'>" + SVG, ("image/svg+xml", "svg")),
        (b'<s:svg xmlns:s="http://www.w3.org/2000/svg"/>', ("image/svg+xml", "svg")),
        ("n\u00f6 image\n".encode(), ("text/plain", "txt")),
        ("\u00e9".encode() * 4096, ("text/plain", "txt")),
        (b"a" * 4095 + "\u00e9".encode(), ("text/plain", "txt")),
        (b"", ("application/octet-stream", "")),
        (b"\x00\x01\x02", ("application/octet-stream", "")),
        (b"\xe9t\xe9", ("application/octet-stream", "")),
        (b"<html><svg/></html>", ("text/plain", "txt")),
        (b"<svgs/>", ("text/plain", "txt")),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else repr(value[:12]),
)
def test_a_file_without_extension_is_known_by_its_bytes(content: bytes, known: tuple[str, str]) -> None:
    assert recognise("file", content) == known


@pytest.mark.parametrize(
    ("name", "content", "known"),
    [
        ("photo.png", b"12345", ("image/png", "png")),
        ("photo.png", b"\xff\xd8\xff", ("image/jpeg", "png")),
        ("photo.png", b"", ("image/png", "png")),
        ("page.html", b"<p>", ("text/html", "html")),
        ("notes.strange", b"words", ("text/plain", "strange")),
    ],
)
def test_bytes_that_are_recognised_win_over_the_name_which_keeps_its_extension(
    name: str, content: bytes, known: tuple[str, str]
) -> None:
    assert recognise(name, content) == known


@pytest.mark.parametrize("piece", [b"<!--", b"<?", b" ", b"<!DOCTYPE", b"<!---->", b"<a:", b"<s"])
def test_bytes_that_are_almost_an_svg_a_thousand_times_over_are_text(piece: bytes) -> None:
    assert recognise("file", piece * 1000) == ("text/plain", "txt")
