"""Bearer tokens as values, and the keys under which they are cached."""

import json

from broker.policy.model import ALL
from broker.token.bearer import BearerToken, CacheKey
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

KEY = CacheKey("default", "v1", frozenset({"a:read", "b:write"}), "api2", ("site", "alice"))
TOKEN = BearerToken("the-token", frozenset({"b:write", "a:read"}), 1_000.5, 22_600.5)


def sized(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


CANONICAL = sized(b"default", b"v1", sized(b"these", b"a:read", b"b:write"), b"api2", sized(b"one", b"site", b"alice"))


def test_the_canonical_key_holds_every_field_behind_its_length() -> None:
    assert KEY.to_bytes() == CANONICAL
    shared = replace(KEY, scopes=ALL, caller=None)
    assert shared.to_bytes() == sized(b"default", b"v1", sized(b"all"), b"api2", sized(b"any"))


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6) | st.sampled_from(["a", "b", "a\0", "\0\0\0\1a"])
KEYS = st.builds(
    CacheKey,
    credential=NAMES,
    version=NAMES,
    scopes=st.just(ALL) | st.frozensets(NAMES, min_size=1, max_size=3),
    aud=NAMES,
    caller=st.none() | st.tuples(NAMES, NAMES),
)


@given(KEYS, KEYS)
def test_keys_are_told_apart(one: CacheKey, other: CacheKey) -> None:
    assert (one.to_bytes() == other.to_bytes()) == (one == other)


def test_a_token_is_shared_as_its_members_in_json() -> None:
    assert json.loads(TOKEN.to_bytes()) == ["the-token", ["a:read", "b:write"], 1_000.5, 22_600.5]


def test_a_token_read_from_its_bytes_is_the_same_token() -> None:
    assert BearerToken.from_bytes(TOKEN.to_bytes()) == TOKEN


def test_the_hash_of_a_token_is_sha_256_over_its_bytes() -> None:
    token = replace(TOKEN, secret="bearer-1")
    assert token.sha256 == "fe8a3bcff628da3902e6f1a342e656516d1525a242988223241035fdb0d322fe"


def test_a_representation_of_a_token_hides_it() -> None:
    assert "the-token" not in repr(TOKEN)
