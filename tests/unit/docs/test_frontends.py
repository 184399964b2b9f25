"""docs/frontends.md: a heading for each code, and pictures of the page as `make docs` takes them."""

import re
import struct
from pathlib import Path

import pytest
from broker.base.errors import BrokerError

from infra.sam import ROOT
from tests.browser.pictures import SIZES

PAGE = (ROOT / "docs/frontends.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+)\n\n((?:(?!^#).*\n?)*)", PAGE, re.MULTILINE))
TYPES = (ROOT / "clients/browser/token-source.js").read_text()
OF_THE_CLIENT = set(re.findall(r"'((?:signed|network|unexpected)_\w+)'", TYPES))


def codes_of(error: type[BrokerError]) -> set[str]:
    below = [codes_of(each) for each in error.__subclasses__()]
    return set().union(*below, {error.code} if "code" in vars(error) else set())


def test_every_code_of_the_broker_and_of_the_client_has_a_heading_of_its_own() -> None:
    assert {"signed_out", "network_error", "unexpected_answer"} == OF_THE_CLIENT
    assert {title for title in SECTIONS if re.fullmatch(r"[a-z]+(_[a-z]+)+", title)} == (
        codes_of(BrokerError) | OF_THE_CLIENT
    )


@pytest.mark.parametrize("code", sorted(codes_of(BrokerError) | OF_THE_CLIENT))
def test_a_code_is_explained_by_what_the_user_sees_why_and_what_to_do(code: str) -> None:
    for part in ("**The user sees**", "**Why:**", "**Do:**"):
        assert part in SECTIONS[code], code


def size(png: bytes) -> tuple[int, int]:
    """Width and height, which stand at the same place in every PNG: https://www.w3.org/TR/png-3/#11IHDR"""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("name", SIZES)
def test_a_picture_is_there_in_its_size_and_shows_more_than_an_empty_page(name: str) -> None:
    picture = Path(ROOT / f"docs/frontends/{name}.png").read_bytes()
    assert size(picture) == SIZES[name]
    assert 15_000 < len(picture) < 150_000
    assert f"(frontends/{name}.png)" in PAGE


def test_no_picture_is_left_over() -> None:
    assert {file.stem for file in (ROOT / "docs/frontends").iterdir()} == SIZES.keys()
