"""Sealed tokens: known answers computed here by hand, and no other name, secret or byte opens one."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from broker.credentials import Credential
from broker.minting import CacheKey
from broker.policy import ALL
from broker.sealing import Opened, Seal
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.kit.brokers import ARN
from tests.kit.policies import UPSTREAM

CREDENTIAL = Credential("default", ARN, "v1", "the-key", "the-secret")
KEY = CacheKey("default", "v1", frozenset({"a:read", "b:write"}), "api2", ("site", "alice"))
TOKEN = Opened("the-token", frozenset({"b:write", "a:read"}), 1_000.5, 22_600.5)
EXPIRES = 22_600


def sized(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def derived(purpose: bytes) -> bytes:
    """RFC 5869 sections 2.2 and 2.3, for one block."""
    extracted = hmac.new(sized(ARN.encode(), b"v1"), b"the-secret", hashlib.sha256).digest()
    info = sized(b"transloadit-token-broker", purpose, b"1")
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


CANONICAL = sized(b"default", b"v1", sized(b"these", b"a:read", b"b:write"), b"api2", sized(b"one", b"site", b"alice"))


def test_the_canonical_key_holds_every_field_behind_its_length() -> None:
    assert KEY.canonical() == CANONICAL
    shared = replace(KEY, scopes=ALL, caller=None)
    assert shared.canonical() == sized(b"default", b"v1", sized(b"all"), b"api2", sized(b"any"))


def test_a_row_is_found_by_an_hmac_under_a_key_of_its_own() -> None:
    expected = hmac.new(derived(b"index"), sized(b"token", CANONICAL), hashlib.sha256).hexdigest()
    assert Seal(CREDENTIAL, UPSTREAM).row_id("token", CANONICAL) == f"token/{expected}"


def test_a_sealed_token_is_aes_256_gcm_over_all_that_names_it() -> None:
    sealed = Seal(CREDENTIAL, UPSTREAM).seal(TOKEN, CANONICAL, EXPIRES)
    named = sized(b"1", UPSTREAM.encode(), CANONICAL, b"22600")
    inside = AESGCM(derived(b"seal")).decrypt(sealed[:12], sealed[12:], named)
    assert json.loads(inside) == ["the-token", ["a:read", "b:write"], 1_000.5, 22_600.5]


def test_it_opens_to_what_it_was() -> None:
    seal = Seal(CREDENTIAL, UPSTREAM)
    assert seal.open(seal.seal(TOKEN, CANONICAL, EXPIRES), CANONICAL, EXPIRES) == TOKEN


def test_no_two_seals_are_the_same_bytes() -> None:
    seal = Seal(CREDENTIAL, UPSTREAM)
    assert len({seal.seal(TOKEN, CANONICAL, EXPIRES)[:12] for _ in range(100)}) == 100


def test_a_representation_hides_the_token() -> None:
    assert "the-token" not in repr(TOKEN)


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6) | st.sampled_from(["a", "b", "a\0", "\0\0\0\1a"])
KEYS = st.builds(
    CacheKey,
    credential=NAMES,
    version=NAMES,
    scopes=st.just(ALL) | st.frozensets(NAMES, min_size=1, max_size=3),
    aud=NAMES,
    caller=st.none() | st.tuples(NAMES, NAMES),
)


def one_field_changed(key: CacheKey, name: str, other: CacheKey) -> CacheKey:
    return replace(key, **{name: getattr(other, name)})


@settings(deadline=None)
@given(KEYS, KEYS)
def test_keys_are_told_apart(one: CacheKey, other: CacheKey) -> None:
    assert (one.canonical() == other.canonical()) == (one == other)


@settings(deadline=None)
@given(KEYS, KEYS, st.sampled_from(["credential", "version", "scopes", "aud", "caller", "all"]))
def test_a_token_sealed_for_one_cache_key_never_opens_for_another(one: CacheKey, other: CacheKey, field: str) -> None:
    other = other if field == "all" else one_field_changed(one, field, other)
    assume(one != other)
    seal = Seal(CREDENTIAL, UPSTREAM)
    sealed = seal.seal(TOKEN, one.canonical(), EXPIRES)
    assert seal.open(sealed, other.canonical(), EXPIRES) is None
    assert seal.row_id("token", one.canonical()) != seal.row_id("token", other.canonical())


@pytest.mark.parametrize(
    "changes",
    [{"auth_secret": "the-secreT"}, {"version": "v2"}, {"arn": f"{ARN}2"}, {"arn": ARN[:-1], "version": "fv1"}],
)
def test_another_secret_version_or_arn_opens_and_finds_nothing(changes: dict[str, Any]) -> None:
    mine, other = Seal(CREDENTIAL, UPSTREAM), Seal(replace(CREDENTIAL, **changes), UPSTREAM)
    assert other.open(mine.seal(TOKEN, CANONICAL, EXPIRES), CANONICAL, EXPIRES) is None
    assert other.row_id("token", CANONICAL) != mine.row_id("token", CANONICAL)


def test_nor_does_another_api2_or_another_expiry() -> None:
    seal = Seal(CREDENTIAL, UPSTREAM)
    sealed = seal.seal(TOKEN, CANONICAL, EXPIRES)
    assert Seal(CREDENTIAL, "https://api2.example.com").open(sealed, CANONICAL, EXPIRES) is None
    assert seal.open(sealed, CANONICAL, EXPIRES + 1) is None


@settings(deadline=None)
@given(st.data())
def test_no_changed_byte_and_no_part_of_it_opens(data: st.DataObject) -> None:
    seal = Seal(CREDENTIAL, UPSTREAM)
    sealed = seal.seal(TOKEN, CANONICAL, EXPIRES)
    place = data.draw(st.integers(0, len(sealed) - 1))
    flipped = bytearray(sealed)
    flipped[place] ^= data.draw(st.integers(1, 255))
    assert seal.open(bytes(flipped), CANONICAL, EXPIRES) is None
    assert seal.open(sealed[:place], CANONICAL, EXPIRES) is None
    assert seal.open(sealed + b"\0", CANONICAL, EXPIRES) is None
