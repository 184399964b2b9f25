"""What the broker signs, before the sandbox: good for what the policy says until it expires, and for nothing else."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.sandbox.model import AuthKey, Settings
from local.sandbox.resources import Template
from tests.kit.api2 import KEY, PNG, UPLOADS, Answer, Api2
from tests.kit.brokers import SECRETS_URL, InMemory, secret
from tests.kit.policies import assembly_form, sign_rule, smart_cdn_form, storage_form

Start = Callable[[Settings], Api2]
STEPS = {"exported": {"robot": "/s3/store", "use": ":original", "path": "${fields.album}/${file.name}"}}
AVATAR = Template("0123456789abcdef0123456789abcdef", "sandbox", "avatar", {"steps": STEPS}, 0, 0, 0)
THUMB_STEPS = {"imported": {"robot": "/s3/import", "path": "${fields.input}"}}
THUMB = Template("2" * 32, "sandbox", "serve-thumb", {"steps": THUMB_STEPS}, 0, 0, 0)
ASSEMBLY = {"kind": "assembly", "template": "avatar", "fields": {"album": "mine"}}
CDN = {"kind": "smart_cdn", "template": "thumbnail", "input": "users/alice/a.png"}
STORAGE = {"kind": "storage", "grant": "own"}


@pytest.fixture
def api2(start: Start) -> Api2:
    return start(Settings(templates=(AVATAR, THUMB)))


def make_broker(api2: Api2, key: AuthKey) -> InMemory:
    """A broker with this Auth Key, whose policy pins the folder of each caller, and whose Smart CDN is the sandbox."""
    pinned = {"exported": {"path": ["users/", ["sub"], "/${file.name}"]}}
    thumb = smart_cdn_form(origin=f"{api2.origin}/smart-cdn/sandbox", workspace="sandbox")
    rule = sign_rule(
        assembly={"avatar": assembly_form(steps=pinned, max_size=1000), "free": assembly_form(steps={})},
        smart_cdn={"thumbnail": thumb},
        storage={"own": storage_form(bucket="sandbox")},
    )
    broker = InMemory(sign_rules=[rule], rules=[])
    broker.web[SECRETS_URL] = secret(text=json.dumps({"auth_key": key.key, "auth_secret": key.secret}))
    return broker


def ask(broker: InMemory, wish: dict[str, Any]) -> Any:
    answer = broker.sign(wish)
    assert answer.status == 200, answer.text
    return answer.body


def upload(api2: Api2, signed: dict[str, str], **form: Any) -> Answer:
    fields = {name: signed[name] for name in ("params", "signature")}
    return api2.with_fields("POST", "/assemblies", {**fields, **form}, files={"file": ("a.png", PNG)})


def list_places(text: str) -> range:
    """Every seventh byte from the first to the last, so that a test takes a second."""
    return range(0, len(text), 7)


def change(text: str, place: int) -> str:
    return text[:place] + ("x" if text[place] != "x" else "y") + text[place + 1 :]


def test_a_form_field_overrides_a_signed_default_and_moves_no_file_out_of_the_pinned_folder(api2: Api2) -> None:
    broker = make_broker(api2, UPLOADS)
    evil = {"album": "users/bob", "source": "evil", "steps": '{"exported": {"path": "users/bob/a.png"}}'}
    status, made = upload(api2, ask(broker, ASSEMBLY), **evil, path="users/bob/a.png", template_id="2" * 32)
    assert status == 200
    assert made["fields"]["album"] == "users/bob"
    pictures = make_broker(api2, KEY)
    assert api2.raw("GET", ask(pictures, CDN)["url"]).data == PNG
    bob = pictures.sign(CDN | {"input": "users/bob/a.png"}, pictures.jwt(sub="bob")).body["url"]
    assert api2.raw("GET", bob).status == 404


def test_a_template_without_a_pin_obeys_the_form(api2: Api2) -> None:
    """Why a rule must pin whatever belongs to one caller: the docs say so, and this shows it."""
    free = ask(make_broker(api2, UPLOADS), ASSEMBLY | {"template": "free"})
    assert upload(api2, free, album="users/bob")[0] == 200
    pictures = make_broker(api2, KEY)
    bob = pictures.sign(CDN | {"input": "users/bob/a.png"}, pictures.jwt(sub="bob")).body["url"]
    assert api2.raw("GET", bob).data == PNG


def test_signed_parameters_with_one_changed_byte_make_no_assembly(api2: Api2) -> None:
    signed = ask(make_broker(api2, UPLOADS), ASSEMBLY)
    for name in ("params", "signature"):
        for place in list_places(signed[name]):
            assert upload(api2, signed | {name: change(signed[name], place)})[0] in (400, 401), place
    assert upload(api2, signed)[0] == 200


def test_a_url_with_one_changed_byte_shows_nothing(api2: Api2) -> None:
    upload(api2, ask(make_broker(api2, UPLOADS), ASSEMBLY))
    url = ask(make_broker(api2, KEY), CDN)["url"]
    begin = len(api2.origin) + len("/smart-cdn/")
    for place in list_places(url[begin:]):
        assert api2.raw("GET", change(url, begin + place)).status in (400, 404), place
    assert api2.raw("GET", url).data == PNG


def test_a_grant_with_one_changed_byte_opens_nothing(api2: Api2) -> None:
    grant = ask(make_broker(api2, KEY), STORAGE)["grant"]
    for place in list_places(grant):
        headers = {"authorization": f"Bearer {change(grant, place)}"}
        assert api2.raw("PUT", "/buckets/sandbox/users/alice/a", headers=headers, body=b"x").status == 401, place


def test_a_grant_opens_the_caller_s_folder_and_no_other(api2: Api2) -> None:
    headers = {"authorization": f"Bearer {ask(make_broker(api2, KEY), STORAGE)['grant']}"}
    statuses = [
        api2.raw("PUT", f"/buckets/sandbox/users/{name}", headers=headers, body=b"x").status
        for name in ("alice/a", "bob/a", "alice2/a", "a")
    ]
    assert statuses == [200, 403, 403, 403]


def test_what_was_signed_is_refused_once_it_has_expired(api2: Api2) -> None:
    signed, broker = ask(make_broker(api2, UPLOADS), ASSEMBLY), make_broker(api2, KEY)
    url, grant = ask(broker, CDN | {"expires_in": 60})["url"], ask(broker, STORAGE | {"expires_in": 60})["grant"]
    assert upload(api2, signed)[0] == 200
    assert api2.raw("GET", url).status == 200
    api2.advance(61)
    assert api2.send("GET", url)[1]["error"] == "AUTH_EXPIRED"
    headers = {"authorization": f"Bearer {grant}"}
    assert api2.raw("GET", "/buckets/sandbox/users/alice/a", headers=headers).status == 401
    api2.advance(240)
    assert upload(api2, signed)[1]["error"] == "AUTH_EXPIRED"


ELSEWHERE = [("GET", "/templates"), ("GET", "/assemblies"), ("GET", "/bill/2027-01"), ("GET", "/template_credentials")]


@pytest.mark.parametrize(("method", "path"), ELSEWHERE)
def test_signed_parameters_open_whatever_else_their_auth_key_may(api2: Api2, method: str, path: str) -> None:
    """So the compiler refuses more on a credential that signs Assemblies, and `doctor` looks at the real key."""
    for key, is_open in ((UPLOADS, False), (KEY, True)):
        signed = ask(make_broker(api2, key), ASSEMBLY)
        fields = {name: signed[name] for name in ("params", "signature")}
        answer = api2.with_fields(method, path, fields)[1]
        assert (answer.get("error") != "INSUFFICIENT_AUTH_SCOPE") is is_open, answer


@pytest.mark.parametrize("wish", [CDN, STORAGE], ids=lambda wish: str(wish["kind"]))
def test_a_key_of_assemblies_alone_signs_no_url_and_no_grant_that_api2_takes(api2: Api2, wish: dict[str, Any]) -> None:
    signed = ask(make_broker(api2, UPLOADS), wish)
    if wish is CDN:
        assert api2.send("GET", signed["url"])[1]["error"] == "INVALID_SIGNATURE"  # it is a key for SHA-384 alone
    else:
        headers = {"authorization": f"Bearer {signed['grant']}"}
        assert api2.raw("GET", "/buckets/sandbox/users/alice/a", headers=headers).status in (401, 403)
