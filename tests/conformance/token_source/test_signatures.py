"""Signed Assembly parameters, Smart CDN URLs and grants: what is asked of `/signature`, and in how many requests."""

import json

import pytest

from tests.kit.recorded import Site
from tests.kit.tabs import Tab, Thrown


def bodies(broker: Site) -> list[object]:
    return [asked.body for asked in broker.asked]


def test_assembly_options_are_what_uppy_takes(tab: Tab, broker: Site) -> None:
    options = tab.run("return source.assemblyOptions('avatar', { album: 'summer' })()")
    assert options == {"params": '{"nonce":1}', "signature": "sha384:1"}
    (asked,) = broker.asked
    assert (asked.method, asked.path, asked.bearer) == ("POST", "/signature", "alice-1")
    assert asked.body == {"kind": "assembly", "template": "avatar", "fields": {"album": "summer"}}


def test_each_upload_has_a_signature_of_its_own(tab: Tab, broker: Site) -> None:
    options = tab.run("const sign = source.assemblyOptions('avatar'); return Promise.all([sign(), sign()])")
    assert len({each["signature"] for each in options}) == 2
    assert bodies(broker) == [{"kind": "assembly", "template": "avatar"}] * 2
    assert tab.run("return asked") == [False, False]


def test_the_credential_of_the_source_is_asked_for(tab: Tab, broker: Site) -> None:
    tab.run(
        "begin(given); await source.assemblyOptions('avatar')(); await source.storageGrant('own')",
        url=broker.origin,
        credential="uploads",
        scope="assemblies:write",
    )
    assert bodies(broker) == [
        {"kind": "assembly", "template": "avatar", "credential": "uploads"},
        {"kind": "storage", "grant": "own", "credential": "uploads"},
    ]


def test_a_storage_grant_is_asked_for_by_its_name(tab: Tab, broker: Site) -> None:
    assert tab.run("return source.storageGrant('own')") == "grant-1"
    assert bodies(broker) == [{"kind": "storage", "grant": "own"}]


def test_a_smart_cdn_url_is_signed_for_template_input_and_params(tab: Tab, broker: Site) -> None:
    url = tab.run("return source.smartCdnUrl('thumbnail', 'users/alice/a.jpg', { w: 200 })")
    assert url == "https://cdn.example/users/alice/a.jpg?sig=1"
    assert bodies(broker) == [
        {"kind": "smart_cdn", "template": "thumbnail", "inputs": ["users/alice/a.jpg"], "params": {"w": 200}}
    ]


def test_asks_of_the_same_moment_go_in_one_request_for_each_template_and_params(tab: Tab, broker: Site) -> None:
    asks = [("a", "1.jpg", {"w": 1}), ("a", "2.jpg", {"w": 1}), ("a", "3.jpg", {"w": 2}), ("b", "4.jpg", {"w": 1})]
    urls = tab.run("return Promise.all(given.asks.map((ask) => source.smartCdnUrl(...ask)))", asks=asks)
    assert [url.partition("?")[0] for url in urls] == [f"https://cdn.example/{number}.jpg" for number in range(1, 5)]
    assert [json.dumps(body) for body in bodies(broker)] == [
        json.dumps({"kind": "smart_cdn", "template": template, "inputs": inputs, "params": {"w": width}})
        for template, inputs, width in (("a", ["1.jpg", "2.jpg"], 1), ("a", ["3.jpg"], 2), ("b", ["4.jpg"], 1))
    ]


def test_elements_that_ask_one_after_the_other_in_the_same_turn_share_a_request(tab: Tab, broker: Site) -> None:
    script = """const element = async (name) => { await null; return source.smartCdnUrl('a', name) }
                return Promise.all(['1', '2', '3'].map(element))"""
    assert len(tab.run(script)) == 3
    assert len(broker.asked) == 1


def test_a_hundred_and_one_asks_are_two_requests(tab: Tab, broker: Site) -> None:
    urls = tab.run("return Promise.all(Array.from({ length: 101 }, (_, n) => source.smartCdnUrl('a', `${n}.jpg`)))")
    assert [url.partition("?")[0] for url in urls] == [f"https://cdn.example/{number}.jpg" for number in range(101)]
    assert [len(asked.body["inputs"]) for asked in broker.asked] == [100, 1]


def test_an_ask_of_a_later_moment_is_a_request_of_its_own(tab: Tab, broker: Site) -> None:
    for _ in range(2):
        tab.run("return source.smartCdnUrl('a', '1.jpg')")
    assert len(broker.asked) == 2


def test_a_refused_batch_is_the_error_of_each_ask_and_of_no_later_one(tab: Tab, broker: Site) -> None:
    broker.then(400, {"error": "invalid_request", "message": "An input is outside the rule."})
    script = """const asks = ['1.jpg', '../2.jpg'].map((name) => source.smartCdnUrl('a', name))
                return (await Promise.allSettled(asks)).map(({ reason }) => reason.code)"""
    assert tab.run(script) == ["invalid_request"] * 2
    assert tab.run("return source.smartCdnUrl('a', '1.jpg')") == "https://cdn.example/1.jpg?sig=2"


KINDS = {
    "assembly": "return source.assemblyOptions('avatar')()",
    "smart_cdn": "return source.smartCdnUrl('a', '1.jpg')",
    "storage": "return source.storageGrant('own')",
}


@pytest.mark.parametrize("script", KINDS.values(), ids=KINDS.keys())
def test_a_refusal_of_each_kind_is_told_as_for_a_token(tab: Tab, broker: Site, script: str) -> None:
    broker.then(400, {"error": "invalid_target", "message": "Nothing of this name.", "request_id": "r-1"})
    with pytest.raises(Thrown) as caught:
        tab.run(script)
    assert (caught.value.code, caught.value.status, caught.value.request_id) == ("invalid_target", 400, "r-1")


@pytest.mark.parametrize("script", KINDS.values(), ids=KINDS.keys())
def test_an_identity_that_is_refused_for_a_signature_is_asked_once_for_a_new_one(
    tab: Tab, broker: Site, script: str
) -> None:
    broker.then(401, {"error": "invalid_token"})
    tab.run(script)
    assert tab.run("return asked") == [False, True]


@pytest.mark.parametrize("script", KINDS.values(), ids=KINDS.keys())
def test_an_answer_without_what_was_asked_for_is_no_signature(tab: Tab, broker: Site, script: str) -> None:
    broker.then(200, {"expires_at": "2027-01-15T08:05:00Z"})
    with pytest.raises(Thrown) as caught:
        tab.run(script)
    assert caught.value.code == "unexpected_answer"
