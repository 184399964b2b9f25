"""The page that `make demo` prints, as its visitors use it in Chromium."""

from collections.abc import Iterator

import pytest

from infra.sam import ROOT
from tests.kit.node import node_tools
from tests.kit.stacks import Client, running_stack
from tests.kit.visitors import FOLDER, Visitor, visiting

PICTURE = FOLDER / "sunset.png"
UPPY = ".uppy-Dashboard-input"
PHONE = {"width": 390, "height": 844, "dark": True}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    node_tools()  # the stack builds the page with the Node that it finds
    with running_stack(tmp_path_factory.mktemp("demo"), ROOT / "local/policy.yaml") as running:
        yield running


@pytest.fixture(scope="module")
def visitor() -> Iterator[Visitor]:
    with visiting() as somebody:
        yield somebody


def page(stack: Client) -> str:
    return f"{stack.stack['site_url']}/"


def test_an_editor_uploads_both_ways_and_a_stranger_after_her_is_refused(stack: Client, visitor: Visitor) -> None:
    visitor.open(page(stack))
    assert visitor.barriers() == []
    visitor.click("Sign in")
    visitor.see("Go on as")
    assert visitor.barriers() == []
    visitor.click("Alice")
    visitor.see("Hello, Alice.")
    visitor.choose("#file", PICTURE)
    visitor.click("Upload")
    visitor.see_pictures(1)
    visitor.choose(UPPY, PICTURE)
    visitor.click("Upload 1 file")
    signed, plain = visitor.see_pictures(2)
    assert signed.startswith(stack.stack["cdn_url"].replace("{workspace}", "sandbox") + "/serve-thumb/users%2Falice%2F")
    assert plain.startswith(f"{stack.stack['api2_url']}/files/")
    visitor.see("Upload complete")
    assert visitor.barriers() == []
    assert visitor.complaints() == []

    visitor.click("Sign out")
    visitor.click("Sign in")
    visitor.click("Mallory")
    visitor.see("Hello, Mallory.")
    visitor.choose(UPPY, PICTURE)
    visitor.click("Upload 1 file")
    visitor.see("You may not do this here.")
    told = visitor.read("#notice")
    assert "access_denied" in told
    assert stack.records()[-1]["request_id"] in told
    assert visitor.barriers() == []
    (complaint,) = visitor.complaints()  # Chromium itself notes each answer that is an error
    assert "403 (Forbidden)" in complaint


def test_a_visitor_with_a_keyboard_and_a_small_dark_screen_uploads_by_signature_alone(
    stack: Client, visitor: Visitor
) -> None:
    visitor.open(page(stack), **PHONE)
    visitor.see("Sign in")
    visitor.press("Tab", "Enter")
    visitor.see("Go on as")
    visitor.press("Tab", "Tab")
    assert visitor.focused().startswith("V")
    visitor.press("Enter")
    visitor.see("Hello, Vera.")
    assert "without Uppy" not in visitor.read("main")
    visitor.choose(UPPY, PICTURE, FOLDER / "night.png")
    visitor.click("Upload 2 files")
    visitor.see_pictures(2)
    visitor.see("Your pictures are on the wall.")
    visitor.see("Upload complete")
    assert not visitor.overflows()
    assert visitor.barriers() == []
    assert visitor.complaints() == []
    # Both addresses came in one answer.
    assert len(stack.records()[-1]["signature_url_ids"].split()) == 2
    assert stack.records()[-1]["subject"] == "vera"


def test_a_login_that_was_cancelled_leads_back_and_says_so(stack: Client, visitor: Visitor) -> None:
    visitor.open(page(stack))
    visitor.click("Sign in")
    visitor.click("Cancel")
    visitor.see("The login was cancelled")
    assert visitor.complaints() == []


def test_a_login_that_is_about_to_end_is_renewed_when_it_is_used(stack: Client, visitor: Visitor) -> None:
    """To the page each ID token has half a minute left, and each refresh token is good once."""
    visitor.open(page(stack), init="const now = Date.now; Date.now = () => now() + 3_570_000")
    visitor.click("Sign in")
    visitor.click("Vera")
    visitor.see("Hello, Vera.")
    assert visitor.count_calls("POST /oauth2/token") == 1
    visitor.choose(UPPY, PICTURE)
    visitor.click("Upload 1 file")
    visitor.see_pictures(1)
    assert visitor.count_calls("POST /signature") == 2
    assert visitor.count_calls("POST /oauth2/token") == 3
    assert visitor.complaints() == []


def test_a_login_outlives_a_reload_and_ends_with_a_sign_out(stack: Client, visitor: Visitor) -> None:
    visitor.open(page(stack))
    visitor.click("Sign in")
    visitor.click("Vera")
    visitor.see("Hello, Vera.")
    visitor.reload()
    visitor.see("Hello, Vera.")
    visitor.click("Sign out")
    visitor.see("A wall for your pictures")
    visitor.reload()
    visitor.see("A wall for your pictures")
