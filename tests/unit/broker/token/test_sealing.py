"""Sealed tokens: known answers computed here by hand. No other key, secret or byte opens one."""

import hashlib
import hmac
from typing import Any

import pytest
from broker.token.bearer import CacheKey
from broker.token.credentials import Credential
from broker.token.sealing import Seal
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.kit.brokers import ARN
from tests.kit.policies import UPSTREAM
from tests.unit.broker.token.test_bearer import CANONICAL, KEYS, sized

CREDENTIAL = Credential("default", ARN, "v1", "the-key", "the-secret")
TOKEN = b"the token"
EXPIRES = 22_600


def derived(purpose: bytes) -> bytes:
    """RFC 5869 sections 2.2 and 2.3, for one block."""
    extracted = hmac.new(sized(ARN.encode(), b"v1"), b"the-secret", hashlib.sha256).digest()
    info = sized(b"transloadit-token-broker", purpose, b"1")
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


def test_a_row_is_found_by_an_hmac_under_a_key_of_its_own() -> None:
    expected = hmac.new(derived(b"index"), sized(b"token", CANONICAL), hashlib.sha256).hexdigest()
    assert Seal(CREDENTIAL, UPSTREAM).name_row("token", CANONICAL) == f"token/{expected}"


def test_a_sealed_token_is_aes_256_gcm_bound_to_every_field_of_its_key() -> None:
    sealed = Seal(CREDENTIAL, UPSTREAM).seal(TOKEN, CANONICAL, EXPIRES)
    named = sized(b"1", UPSTREAM.encode(), CANONICAL, b"22600")
    assert AESGCM(derived(b"seal")).decrypt(sealed[:12], sealed[12:], named) == TOKEN


def test_a_sealed_token_opens_to_what_was_sealed() -> None:
    seal = Seal(CREDENTIAL, UPSTREAM)
    assert seal.open(seal.seal(TOKEN, CANONICAL, EXPIRES), CANONICAL, EXPIRES) == TOKEN


def test_two_seals_of_one_token_are_different_bytes() -> None:
    seal = Seal(CREDENTIAL, UPSTREAM)
    assert len({seal.seal(TOKEN, CANONICAL, EXPIRES)[:12] for _ in range(100)}) == 100


def one_field_changed(key: CacheKey, name: str, other: CacheKey) -> CacheKey:
    return replace(key, **{name: getattr(other, name)})


@given(KEYS, KEYS, st.sampled_from(["credential", "version", "scopes", "aud", "caller", "all"]))
def test_a_token_sealed_for_one_cache_key_never_opens_for_another(one: CacheKey, other: CacheKey, field: str) -> None:
    other = other if field == "all" else one_field_changed(one, field, other)
    assume(one != other)
    seal = Seal(CREDENTIAL, UPSTREAM)
    sealed = seal.seal(TOKEN, one.to_bytes(), EXPIRES)
    assert seal.open(sealed, other.to_bytes(), EXPIRES) is None
    assert seal.name_row("token", one.to_bytes()) != seal.name_row("token", other.to_bytes())


@pytest.mark.parametrize(
    "changes",
    [{"auth_secret": "the-secreT"}, {"version": "v2"}, {"arn": f"{ARN}2"}, {"arn": ARN[:-1], "version": "fv1"}],
)
def test_another_secret_version_or_arn_opens_and_finds_nothing(changes: dict[str, Any]) -> None:
    mine, other = Seal(CREDENTIAL, UPSTREAM), Seal(replace(CREDENTIAL, **changes), UPSTREAM)
    assert other.open(mine.seal(TOKEN, CANONICAL, EXPIRES), CANONICAL, EXPIRES) is None
    assert other.name_row("token", CANONICAL) != mine.name_row("token", CANONICAL)


def test_a_seal_of_another_api2_or_with_another_expiry_does_not_open() -> None:
    seal = Seal(CREDENTIAL, UPSTREAM)
    sealed = seal.seal(TOKEN, CANONICAL, EXPIRES)
    assert Seal(CREDENTIAL, "https://api2.example.com").open(sealed, CANONICAL, EXPIRES) is None
    assert seal.open(sealed, CANONICAL, EXPIRES + 1) is None


@given(st.data())
def test_a_seal_with_a_changed_byte_and_a_part_of_a_seal_do_not_open(data: st.DataObject) -> None:
    seal = Seal(CREDENTIAL, UPSTREAM)
    sealed = seal.seal(TOKEN, CANONICAL, EXPIRES)
    place = data.draw(st.integers(0, len(sealed) - 1))
    flipped = bytearray(sealed)
    flipped[place] ^= data.draw(st.integers(1, 255))
    assert seal.open(bytes(flipped), CANONICAL, EXPIRES) is None
    assert seal.open(sealed[:place], CANONICAL, EXPIRES) is None
    assert seal.open(sealed + b"\0", CANONICAL, EXPIRES) is None
