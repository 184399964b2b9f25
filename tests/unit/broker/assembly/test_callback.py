"""Callbacks sealed into the notification's URL."""

import pytest
from broker.assembly.callback import MAX_TEXT, Waiting, seal, unseal
from broker.assembly.keys import Keys
from broker.request.assembly import Callback

ID, OTHER_ID = "0" * 32, "1" * 32
KEY, NEXT, AFTER = b"\1" * 32, b"\2" * 32, b"\3" * 32
NOW = 1_800_000_000
WAITING = Waiting(Callback("durable", "abc+/=="), "default", True, NOW + 60)


def keys(current: bytes = KEY, previous: bytes | None = None) -> Keys:
    return Keys(current, previous, NOW)


def test_a_callback_opens_for_its_assembly() -> None:
    assert unseal(keys(), ID, seal(KEY, ID, WAITING), NOW) == WAITING


def test_a_callback_of_another_assembly_does_not_open() -> None:
    assert unseal(keys(), OTHER_ID, seal(KEY, ID, WAITING), NOW) is None


def test_a_callback_opens_after_one_rotation_of_the_key_and_not_after_two() -> None:
    text = seal(KEY, ID, WAITING)
    assert unseal(keys(NEXT, KEY), ID, text, NOW) == WAITING
    assert unseal(keys(AFTER, NEXT), ID, text, NOW) is None


def test_a_callback_is_good_until_it_expires() -> None:
    text = seal(KEY, ID, WAITING)
    assert unseal(keys(), ID, text, NOW + 59.9) == WAITING
    assert unseal(keys(), ID, text, NOW + 60) is None


@pytest.mark.parametrize("text", ["", "A", "A" * 16, "not base64url!", "A" * 40, "A" * (MAX_TEXT + 1), "\u00e9"])
def test_what_was_not_sealed_does_not_open(text: str) -> None:
    assert unseal(keys(), ID, text, NOW) is None


def test_no_changed_letter_opens() -> None:
    text = seal(KEY, ID, WAITING)
    for place in range(len(text)):
        changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        assert unseal(keys(), ID, changed, NOW) is None


def test_a_sealed_callback_shows_nothing_of_what_it_holds() -> None:
    assert seal(KEY, ID, WAITING) != seal(KEY, ID, WAITING)
    assert "abc" not in seal(KEY, ID, WAITING)


def test_the_longest_callback_stays_within_what_api_gateway_takes() -> None:
    for kind, length in (("durable", 1024), ("task", 2048)):
        waiting = Waiting(Callback(kind, "x" * length), "c" * 64, True, NOW)  # type: ignore[arg-type]
        assert len(seal(KEY, ID, waiting)) <= 3200 < MAX_TEXT
