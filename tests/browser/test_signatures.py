"""Signatures in a page on the whole stack: what the broker signs is what api2 takes, and what it refuses is told."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.browser.conftest import Site
from tests.kit.stacks import Client
from tests.kit.tabs import Tab, Thrown

HOUR = 3_600_000  # milliseconds of the page's clock
# Uploads a note as Uppy would without tus: an Assembly by the signed parameters, and the file in the same request.
UPLOAD = """const form = new FormData()
            const { params, signature } = await source.assemblyOptions('avatar', { album: 'summer' })()
            form.set('params', params)
            form.set('signature', signature)
            form.set('file', new Blob(['a note']), 'note.txt')
            return (await fetch(`${given.api2}/assemblies`, { method: 'POST', body: form })).json()"""
# The pictures of these names, all asked for in one moment.
PICTURES = "return Promise.all(given.names.map((name) => source.smartCdnUrl('thumbnail', name, { w: 200 })))"
ASSEMBLY = "return source.assemblyOptions('avatar')()"


def refusal(tab: Tab, script: str, **given: Any) -> Thrown:
    with pytest.raises(Thrown) as caught:
        tab.run(script, **given)
    return caught.value


def test_an_upload_of_a_page_is_made_by_a_signature_of_the_broker(site: Site, client: Client) -> None:
    with site.tab(credential="uploads") as tab:
        assembly = tab.run(UPLOAD, api2=client.api2.origin)
    assert assembly["ok"] in ("ASSEMBLY_EXECUTING", "ASSEMBLY_COMPLETED")
    params = json.loads(assembly["params"])
    assert params["fields"] == {"album": "summer", "source": "web"}
    assert params["steps"]["exported"]["path"].startswith("users/alice/")
    assert client.mints == 0


def test_a_page_that_slept_for_hours_uploads_by_a_new_signature(site: Site, client: Client) -> None:
    with site.tab(credential="uploads") as tab:
        tab.run(UPLOAD, api2=client.api2.origin)
        tab.clock("fastForward", 7 * HOUR)
        assert "ok" in tab.run(UPLOAD, api2=client.api2.origin)
    assert len(site.exchanges) == 2


def test_the_pictures_of_one_moment_are_signed_in_one_request(site: Site) -> None:
    names = [f"users/alice/{number}.jpg" for number in range(30)]
    with site.tab(credential="pictures") as tab:
        urls = tab.run(PICTURES, names=names)
    assert len(set(urls)) == 30
    assert all(quote(name, safe="") in url for name, url in zip(names, urls, strict=True))
    assert len(site.exchanges) == 1


def test_a_picture_of_somebody_else_refuses_all_of_its_moment(site: Site) -> None:
    with site.tab(credential="pictures") as tab:
        told = refusal(tab, PICTURES, names=["users/alice/1.jpg", "users/bob/1.jpg"])
        assert (told.code, told.status) == ("invalid_request", 400)
        assert len(tab.run(PICTURES, names=["users/alice/1.jpg"])) == 1


def test_a_grant_for_storage_is_given_by_its_name(site: Site) -> None:
    with site.tab(credential="storage") as tab:
        assert tab.run("return source.storageGrant('own')").count(".") == 2
        assert refusal(tab, "return source.storageGrant('others')").code == "invalid_target"


def test_a_name_that_nothing_is_signed_by_is_an_invalid_target(site: Site) -> None:
    with site.tab(credential="uploads") as tab:
        told = refusal(tab, "return source.assemblyOptions('portrait')()")
    assert (told.code, told.status) == ("invalid_target", 400)
    assert told.message.endswith("(docs/frontends.md#invalid_target)")


def test_a_person_whom_no_rule_names_is_denied(site: Site) -> None:
    site.claims = {"groups": []}
    with site.tab(credential="uploads") as tab:
        told = refusal(tab, ASSEMBLY)
    assert (told.code, told.status) == ("access_denied", 403)


def test_a_jwt_that_expired_first_is_asked_for_anew(site: Site) -> None:
    site.is_stale = True
    with site.tab(credential="uploads") as tab:
        assert tab.run(ASSEMBLY)["signature"].startswith("sha384:")
        assert tab.run("return asked") == [False, True]


def test_a_person_over_the_budget_of_signatures_is_told_when_to_come_back(site: Site) -> None:
    site.person = "dora"
    # Each of the two environments has a budget of 30, and what is refused does not wait long enough for a real clock.
    # All at once, with a preflight for each, they would meet the gateway's own limit, whose 429 has no Retry-After.
    script = """hurry()
                const refused = []
                for (let asked = 0; asked < 64; asked += 1) {
                  try { await source.assemblyOptions('avatar')() } catch (reason) { refused.push(reason) }
                }
                return refused.map(({ code, status, retryAfter }) => [code, status, retryAfter])"""
    with site.tab(credential="uploads") as tab:
        refused = tab.run(script)
    assert 0 < len(refused) <= 34
    assert {(code, status) for code, status, _ in refused} == {("temporarily_unavailable", 429)}
    assert all(0 < retry_after <= 60 for _, _, retry_after in refused)


def test_a_person_who_signs_out_in_another_tab_uploads_no_more(site: Site) -> None:
    with site.tab(credential="uploads") as tab, site.beside(tab) as other:
        tab.run(ASSEMBLY)
        site.person = None
        other.run("source.end()")
        assert refusal(tab, ASSEMBLY).code == "signed_out"
    assert len(site.exchanges) == 1
