"""Smart CDN URLs. That they are the vendor's byte for byte, tests/conformance/signing shows."""

from typing import Any

import pytest
from broker.signing.decision import SmartCdnUrls
from broker.signing.smart_cdn import write_urls


def urls(**changes: Any) -> tuple[list[str], list[str]]:
    """The URLs, and the texts that were signed."""
    members: dict[str, Any] = {
        "origin": "https://acme.tlcdn.com",
        "workspace": "acme",
        "template": "serve-thumb",
        "inputs": ("users/alice/a b.jpg",),
        "params": {"w": 100, "f": "webp", "Z": True},
        "expires": 60,
        "as_list": False,
    }
    signed: list[str] = []

    def sign(text: str) -> str:
        signed.append(text)
        return "00"

    return write_urls(SmartCdnUrls(**(members | changes)), "the-key", 1_800_000_000, sign), signed


def test_a_url_has_the_input_as_one_segment_and_sorted_parameters_and_the_signature_last() -> None:
    written, signed = urls()
    path = "serve-thumb/users%2Falice%2Fa%20b.jpg?Z=true&auth_key=the-key&exp=1800000000000&f=webp&w=100"
    assert signed == [f"acme/{path}"]
    assert written == [f"https://acme.tlcdn.com/{path}&sig=sha256%3A00"]


def test_each_input_has_a_url_in_the_order_of_the_request() -> None:
    written, signed = urls(inputs=("b", "a"))
    assert [text.split("?")[0] for text in signed] == ["acme/serve-thumb/b", "acme/serve-thumb/a"]
    assert len(written) == 2


@pytest.mark.parametrize(
    ("text", "segment", "query"),
    [
        ("a/b", "a%2Fb", "a%2Fb"),
        ("~", "~", "%7E"),
        ("!*'()", "!*'()", "%21*%27%28%29"),
        ("é +", "%C3%A9%20%2B", "%C3%A9+%2B"),
    ],
)
def test_segments_and_parameters_are_encoded_by_tables_of_their_own(text: str, segment: str, query: str) -> None:
    _, (signed,) = urls(inputs=(text,), params={"p": text})
    assert signed == f"acme/serve-thumb/{segment}?auth_key=the-key&exp=1800000000000&p={query}"
