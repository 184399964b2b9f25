"""The stack's issuer as a page uses it: login, PKCE, refresh, and what it refuses."""

import base64
import hashlib
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import urllib3
from broker.caller import jwt
from broker.policy import jwk
from cryptography.hazmat.primitives.asymmetric import rsa
from token_broker.jwt import load_key, public_jwk

from local.issuer.app import issuer_app
from local.issuer.key import make_key
from local.loopback.processes import free_ports
from local.loopback.sites import start_site
from tests.kit.servers import Loop

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BACK = "http://127.0.0.1:3005/"


class Issuer:
    """The issuer on a port of its own, with a clock that the test sets."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.now = 1_800_000_000.0
        self._web = urllib3.PoolManager(retries=False)

    def get(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        return self._web.request("GET", self.url + path, headers=headers, redirect=False)

    def authorize(self, method: str = "GET", form: dict[str, str] | None = None, **changes: str | None) -> Any:
        query = {
            "client_id": "app",
            "redirect_uri": BACK,
            "response_type": "code",
            "scope": "openid",
            "state": "s t",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        } | changes
        sent = urlencode({name: value for name, value in query.items() if value is not None})
        fields: Any = {} if form is None else {"fields": form, "encode_multipart": False}
        return self._web.request(method, f"{self.url}/oauth2/authorize?{sent}", redirect=False, **fields)

    def log_in(self, subject: str = "alice", **changes: str | None) -> dict[str, str]:
        """What the client gets in its address after a click on a person."""
        answer = self.authorize("POST", {"sub": subject}, **changes)
        assert answer.status == 303
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}

    def redeem(self, code: str, **changes: str | None) -> urllib3.BaseHTTPResponse:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "client_id": "app",
            "code_verifier": VERIFIER,
        } | changes
        given = {name: value for name, value in form.items() if value is not None}
        return self._web.request("POST", f"{self.url}/oauth2/token", fields=given, encode_multipart=False)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def issuer(running_loop: Loop, key: rsa.RSAPrivateKey) -> Iterator[Issuer]:
    (port,) = free_ports(1)
    made = Issuer(f"http://127.0.0.1:{port}")

    async def start() -> Any:
        return await start_site(issuer_app(made.url, key, lambda: made.now), port)

    runner = running_loop.run(start())
    yield made
    running_loop.run(runner.cleanup())


def test_the_key_is_its_owner_s_alone_and_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    make_key(file)
    first = file.read_bytes()
    make_key(file)
    assert file.read_bytes() == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_key(file).key_size == 2048


def test_a_login_by_pkce_gives_an_id_token_signed_by_the_key_with_the_person_s_claims(
    issuer: Issuer, key: rsa.RSAPrivateKey
) -> None:
    back = issuer.log_in("vera", nonce="n")
    assert back["state"] == "s t"
    tokens = issuer.redeem(back["code"]).json()
    id_token = jwt.parse(tokens["id_token"])
    public = jwk.load(public_jwk(key), issuer.url)
    assert public.verify("RS256", id_token.signature, id_token.signing_input)
    assert id_token.key_id == public.key_id
    assert dict(id_token.claims) == {
        "iss": issuer.url,
        "sub": "vera",
        "aud": "app",
        "iat": 1_800_000_000,
        "exp": 1_800_003_600,
        "auth_time": 1_800_000_000,
        "name": "Vera",
        "groups": ["visitors"],
        "nonce": "n",
    }


def test_discovery_and_keys_describe_the_issuer_and_show_no_private_half(
    issuer: Issuer, key: rsa.RSAPrivateKey
) -> None:
    metadata = issuer.get("/.well-known/openid-configuration").json()
    assert metadata["issuer"] == issuer.url
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    published = issuer.get(urlsplit(metadata["jwks_uri"]).path)
    assert published.json() == {"keys": [public_jwk(key)]}
    assert not re.search(rb'"d"\s*:', published.data)


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 64},
        {"code_verifier": None},
        {"code_verifier": ""},
        {"code_verifier": CHALLENGE},
        {"code_verifier": VERIFIER + "\n"},
        {"client_id": "other"},
        {"client_id": None},
        {"redirect_uri": f"{BACK}other"},
        {"redirect_uri": None},
    ],
    ids=str,
)
def test_a_code_is_refused_without_all_that_belongs_to_its_login(issuer: Issuer, changes: dict[str, Any]) -> None:
    refused = issuer.redeem(issuer.log_in()["code"], **changes)
    assert (refused.status, refused.json()["error"]) == (400, "invalid_grant")
    assert "id_token" not in refused.json()


def test_a_code_is_redeemed_once(issuer: Issuer) -> None:
    code = issuer.log_in()["code"]
    assert issuer.redeem(code).status == 200
    for used_or_guessed in (code, "guessed"):
        assert issuer.redeem(used_or_guessed).json()["error"] == "invalid_grant"


def test_a_wrong_verifier_uses_the_code_up(issuer: Issuer) -> None:
    """Else a stolen code could be tried with any number of verifiers."""
    code = issuer.log_in()["code"]
    issuer.redeem(code, code_verifier="w" * 64)
    assert issuer.redeem(code).json()["error"] == "invalid_grant"


def test_a_code_is_good_for_a_minute(issuer: Issuer) -> None:
    code, late = issuer.log_in()["code"], issuer.log_in()["code"]
    issuer.now += 60
    assert issuer.redeem(code).status == 200
    issuer.now += 1
    assert issuer.redeem(late).json()["error"] == "invalid_grant"


def test_a_refresh_token_gives_a_new_id_token_once_and_to_its_client_alone(issuer: Issuer) -> None:
    first = issuer.redeem(issuer.log_in()["code"]).json()
    issuer.now += 3000
    renewal: dict[str, Any] = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = issuer.redeem("", **renewal).json()
    claims = jwt.parse(second["id_token"]).claims
    assert (claims["sub"], claims["iat"], claims["auth_time"]) == ("alice", 1_800_003_000, 1_800_000_000)
    assert issuer.redeem("", **renewal).json()["error"] == "invalid_grant"
    stolen = issuer.redeem("", grant_type="refresh_token", refresh_token=second["refresh_token"], client_id="other")
    assert stolen.json()["error"] == "invalid_grant"


def test_another_grant_type_is_refused_by_name(issuer: Issuer) -> None:
    assert issuer.redeem("", grant_type="password").json()["error"] == "unsupported_grant_type"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_login_that_could_not_end_well_goes_back_with_the_error(
    issuer: Issuer, method: str, changes: dict[str, Any], error: str
) -> None:
    answer = issuer.authorize(method, {"sub": "alice"} if method == "POST" else None, **changes)
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (answer.status, back["error"], back["state"], "code" in back) == (303, [error], ["s t"], False)


@pytest.mark.parametrize("form", [{"cancel": "yes"}, {"sub": "eve"}, {}], ids=str)
def test_a_login_as_nobody_goes_back_as_refused(issuer: Issuer, form: dict[str, str]) -> None:
    answer = issuer.authorize("POST", form)
    assert parse_qs(urlsplit(answer.headers["location"]).query)["error"] == ["access_denied"]


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://127.0.0.1@evil.example/",
        "http://evil.example@127.0.0.1/",
        "javascript:alert(1)",
        "//127.0.0.1/",
        "http://127.0.0.1:3005; script-src *",
        "http://127.0.0.1:3005/#fragment",
        "",
        None,
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_login_ends_at_this_machine_or_nowhere(issuer: Issuer, method: str, address: str | None) -> None:
    """A website could send its visitors here, and would get the code of whoever clicks."""
    answer = issuer.authorize(method, {"sub": "alice"} if method == "POST" else None, redirect_uri=address)
    assert (answer.status, "location" in answer.headers) == (400, False)
    assert "evil" not in answer.data.decode()


def test_the_login_page_loads_nothing_but_its_own_style_sheet(issuer: Issuer) -> None:
    page = issuer.authorize()
    html, policy = page.data.decode(), page.headers["content-security-policy"]
    assert re.findall(r'(?:src|href|action)="([^"]*)"', html) == ["/login.css"]
    assert not re.search(r"<script|<style|style=|\son\w+=|https?:", html)
    assert policy == (
        "default-src 'none'; style-src 'self'; form-action 'self' http://127.0.0.1:3005; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    style = issuer.get("/login.css")
    assert style.headers["content-type"].startswith("text/css")
    assert not re.search(rb"url\(|@import", style.data)


def test_the_login_page_names_the_people_and_what_each_may(issuer: Issuer) -> None:
    html = issuer.authorize().data.decode()
    assert re.findall(r'name="sub" value="(\w+)"', html) == ["alice", "vera", "mallory"]
    assert "<legend>" in html
    assert '<html lang="en">' in html
