"""The stack's issuer: its login by PKCE, and the key that it shares with `token-broker jwt`."""

import base64
import hashlib
import json
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import urllib3
from broker.caller import jwt
from broker.policy import jwk
from token_broker.jwt import load_key, public_jwk

from local.loopback.processes import free_ports
from local.stack.issuer import make_key
from tests.kit.waiting import wait_until


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    key = tmp_path / "issuer-key.pem"
    make_key(key)
    (port,) = free_ports(1)
    process = subprocess.Popen(
        [sys.executable, "-m", "local.stack.issuer", str(port), str(key)], stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return urllib3.request("GET", f"{url}/jwks", retries=False).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    wait_until(answers, seconds=30)
    yield url, key
    process.kill()
    process.wait()


def test_the_key_is_its_owner_s_alone_and_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    make_key(file)
    first = file.read_bytes()
    make_key(file)
    assert file.read_bytes() == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_login_by_pkce_gives_an_id_token_signed_by_that_key(issuer: tuple[str, Path]) -> None:
    url, key_file = issuer
    web = urllib3.PoolManager(retries=False)
    metadata = web.request("GET", f"{url}/.well-known/openid-configuration").json()
    assert metadata["issuer"] == url
    verifier = "v" * 64
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "client_id": "app",
        "redirect_uri": "http://127.0.0.1/back",
        "response_type": "code",
        "scope": "openid",
        "state": "s",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    login = f"{metadata['authorization_endpoint']}?{urlencode(query)}"
    answer = web.request("POST", login, fields={"sub": "alice"}, encode_multipart=False, redirect=False)
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": "http://127.0.0.1/back",
        "client_id": "app",
        "code_verifier": verifier,
    }
    tokens = web.request("POST", metadata["token_endpoint"], fields=form, encode_multipart=False).json()
    id_token = jwt.parse(tokens["id_token"])
    key = jwk.load(public_jwk(load_key(key_file)), url)
    assert key.verify("RS256", id_token.signature, id_token.signing_input)
    assert (id_token.claims["iss"], id_token.claims["sub"], id_token.claims["aud"]) == (url, "alice", ["app"])
    assert id_token.key_id == key.key_id
    published = json.loads(web.request("GET", metadata["jwks_uri"]).data)
    assert [entry["kid"] for entry in published["keys"]] == [key.key_id]
    assert not re.search(r'"d"\s*:', json.dumps(published))
