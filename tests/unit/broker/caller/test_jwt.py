"""A compact JWS taken apart."""

import pytest
from broker.caller import jwt
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.jwts import Signer, part

SIGNER = Signer("EdDSA")


def test_header_claims_and_signature_come_apart() -> None:
    compact = SIGNER.jwt({"sub": "alice"})
    token = jwt.parse(compact)
    assert (token.header, token.claims) == ({"alg": "EdDSA", "kid": "k1", "typ": "JWT"}, {"sub": "alice"})
    assert (token.algorithm, token.key_id) == ("EdDSA", "k1")
    assert token.signing_input == compact.rpartition(".")[0].encode()
    assert SIGNER.sign(token.signing_input) == token.signature


HEAD, BODY = part({"alg": "RS256"}), part({"sub": "a"})


MALFORMED = {
    "": "not a compact JWS",
    ".": "not a compact JWS",
    "..": "not base64url",
    "a.b": "not a compact JWS",
    f"{HEAD}.{BODY}": "not a compact JWS",
    f"{HEAD}.{BODY}.": "not base64url",
    f"{HEAD}..c2ln": "not base64url",
    f".{BODY}.c2ln": "not base64url",
    f"{HEAD}.{BODY}.c2ln.c2ln": "not a compact JWS",
    f"{HEAD}.{BODY}.c2ln.c2ln.c2ln": "not a compact JWS",
    f" {HEAD}.{BODY}.c2ln": "not base64url",
    f"{HEAD}.{BODY}.c2ln\n": "not base64url",
    f"{HEAD}=.{BODY}.c2ln": "not base64url",
    f"{HEAD}.{BODY}.c2l": "not canonical base64url",
    f"{part([])}.{BODY}.c2ln": "not an object",
    f"{HEAD}.{part([])}.c2ln": "not an object",
    f"{HEAD}.{part('1')}.c2ln": "not an object",
    f"{HEAD}.{part('{')}.c2ln": "not JSON",
    f"{part('{}')}.{BODY}.c2ln": "no alg",
    f"{part({'alg': 1})}.{BODY}.c2ln": "alg is not a string",
    f"{part({'alg': 'RS256', 'kid': 1})}.{BODY}.c2ln": "kid is not a string",
    f"{part({'alg': 'RS256', 'kid': None})}.{BODY}.c2ln": "kid is not a string",
    f"{part({'alg': 'RS256', 'cty': 'JWT'})}.{BODY}.c2ln": "nested token",
    f"{part({'alg': 'RS256', 'cty': 'application/jwt'})}.{BODY}.c2ln": "nested token",
    f"{part({'alg': 'RS256', 'cty': 1})}.{BODY}.c2ln": "typ or cty is not a string",
    f"{part('{"alg": "RS256", "alg": "none"}')}.{BODY}.c2ln": "duplicate member",
    f"{HEAD}.{part('{"sub": "a", "sub": "b"}')}.c2ln": "duplicate member",
    f"{HEAD}.{part('{"exp": NaN}')}.c2ln": "NaN or Infinity",
    f"{HEAD}.{part('{"exp": 1e999}')}.c2ln": "number out of range",
    f"{HEAD}.{part('{"exp": ' + '9' * 5000 + '}')}.c2ln": "not JSON",
    f"{HEAD}.{part('{"sub": "\\ud800"}')}.c2ln": "half a surrogate pair",
    f"{HEAD}.{part(b'\xff')}.c2ln": "not UTF-8",
    f"{HEAD}.{part('[' * 3000)}.c2ln": "not JSON",
}


@pytest.mark.parametrize(("compact", "words"), MALFORMED.items(), ids=map(str, range(len(MALFORMED))))
def test_a_text_that_is_no_well_formed_jws_is_refused_in_fixed_words(compact: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        jwt.parse(compact)
    assert str(caught.value) == words


@pytest.mark.parametrize("name", ["crit", "b64", "jwk", "enc", "zip", "epk", "apu", "apv", "p2c", "p2s"])
def test_header_parameters_that_bring_a_key_or_change_the_reading_are_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"^refused header parameter {name}$"):
        jwt.parse(SIGNER.jwt({"sub": "a"}, **{name: []}))


@pytest.mark.parametrize("name", ["jku", "x5u", "x5c", "x5t", "x5t#S256", "nonce"])
@pytest.mark.parametrize("value", ["https://evil.example/keys", ["MIIB"], 5, {}], ids=str)
def test_header_parameters_that_are_never_read_are_no_reason_to_refuse(name: str, value: object) -> None:
    """RFC 7515 section 4 says to ignore them. Cloud Foundry's UAA writes `jku` into each of its JWTs."""
    assert jwt.parse(SIGNER.jwt({"sub": "a"}, **{name: value})).claims == {"sub": "a"}


def test_a_jwt_of_8_kib_is_read_and_one_byte_more_is_not() -> None:
    head = part({"alg": "RS256"})
    body = part({"sub": "a", "pad": "x" * 5800})
    fits = f"{head}.{body}."
    fits += "A" * (8192 - len(fits))
    assert len(fits) == 8192
    jwt.parse(fits)
    with pytest.raises(ValueError, match="too long"):
        jwt.parse(fits + "A" * 4)


def test_a_token_of_many_dots_is_refused_before_it_is_split() -> None:
    """GHSA-f83f-xpx7-ffpw."""
    with pytest.raises(ValueError, match="not a compact JWS"):
        jwt.parse("." * 8000)


def test_the_claims_do_not_show() -> None:
    assert "alice" not in repr(jwt.parse(SIGNER.jwt({"sub": "alice"})))


@given(st.text(max_size=100) | st.from_regex(r"[\w-]{1,20}\.[\w-]{1,20}\.[\w-]{1,20}", fullmatch=True))
def test_every_text_is_taken_apart_or_a_value_error(compact: str) -> None:
    try:
        jwt.parse(compact)
    except ValueError:
        return
