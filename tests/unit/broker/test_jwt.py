"""A compact JWS taken apart."""

import pytest
from broker import jwt
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.jwts import Signer, b64, part

SIGNER = Signer("EdDSA")


def test_header_claims_and_signature_come_apart() -> None:
    compact = SIGNER.jwt({"sub": "alice"})
    token = jwt.parse(compact)
    assert (token.header, token.claims) == ({"alg": "EdDSA", "kid": "k1", "typ": "JWT"}, {"sub": "alice"})
    assert (token.algorithm, token.key_id) == ("EdDSA", "k1")
    assert token.signing_input == compact.rpartition(".")[0].encode()
    assert SIGNER.sign(token.signing_input) == token.signature


@given(st.binary())
def test_base64url_is_read(data: bytes) -> None:
    assert data == b"" or jwt.base64url(b64(data)) == data


@pytest.mark.parametrize("text", ["", "a", "YQ==", "YQ=", "Y+8", "Y/8", "YQ\n", " YQ", "YR", "YWF", "ä", "Y Q"])
def test_padding_other_alphabets_and_spare_bits_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        jwt.base64url(text)


HEAD, BODY = part({"alg": "RS256"}), part({"sub": "a"})


@pytest.mark.parametrize(
    "compact",
    [
        "",
        ".",
        "..",
        "a.b",
        f"{HEAD}.{BODY}",
        f"{HEAD}.{BODY}.",
        f"{HEAD}..c2ln",
        f".{BODY}.c2ln",
        f"{HEAD}.{BODY}.c2ln.c2ln",
        f"{HEAD}.{BODY}.c2ln.c2ln.c2ln",
        f" {HEAD}.{BODY}.c2ln",
        f"{HEAD}.{BODY}.c2ln\n",
        f"{HEAD}=.{BODY}.c2ln",
        f"{part([])}.{BODY}.c2ln",
        f"{HEAD}.{part([])}.c2ln",
        f"{HEAD}.{part('1')}.c2ln",
        f"{part('{}')}.{BODY}.c2ln",
        f"{part({'alg': 1})}.{BODY}.c2ln",
        f"{part({'alg': 'RS256', 'kid': 1})}.{BODY}.c2ln",
        f"{part({'alg': 'RS256', 'kid': None})}.{BODY}.c2ln",
        f"{part({'alg': 'RS256', 'cty': 'JWT'})}.{BODY}.c2ln",
        f"{part({'alg': 'RS256', 'cty': 'application/jwt'})}.{BODY}.c2ln",
        f"{part({'alg': 'RS256', 'cty': 1})}.{BODY}.c2ln",
        f"{part('{"alg": "RS256", "alg": "none"}')}.{BODY}.c2ln",
        f"{HEAD}.{part('{"sub": "a", "sub": "b"}')}.c2ln",
        f"{HEAD}.{part('{"exp": NaN}')}.c2ln",
        f"{HEAD}.{part(b'\xff')}.c2ln",
        f"{HEAD}.{part('[' * 3000)}.c2ln",
    ],
)
def test_what_is_no_well_formed_jws_is_refused(compact: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - which words it uses does not matter
        jwt.parse(compact)


@pytest.mark.parametrize("name", ["crit", "b64", "jwk", "jku", "x5u", "x5c", "enc", "zip", "epk", "p2c"])
def test_header_parameters_that_would_move_key_or_payload_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="refused header parameter"):
        jwt.parse(SIGNER.jwt({"sub": "a"}, **{name: []}))


def test_8_kib_are_read_and_one_byte_more_is_not() -> None:
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
def test_any_text_is_taken_apart_or_a_value_error(compact: str) -> None:
    try:
        jwt.parse(compact)
    except ValueError:
        return
