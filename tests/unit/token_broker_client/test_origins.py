"""To whom the identity and the token may be sent."""

import pytest
from token_broker_client.errors import TokenError
from token_broker_client.origins import API2, broker_origin, origin_of, transloadit_origin

NOT_A_BROKER = [
    "http://tokens.example.com",
    "http://tokens.localhost:4191",
    "http://127.0.0.1.example.com",
    "http://127.0.0.1@tokens.example.com",
    # One parser of URLs reads 127.0.0.1 here, and another, which sends, tokens.example.com.
    "http://tokens.example.com\\@127.0.0.1",
    "tokens.example.com",
    "ftp://127.0.0.1",
    "https://",
    "https://[::1",
    "https://tokens.example.com:x",
    "https://user:password@tokens.example.com",
    "https://tokens.example.com/token",
    "https://tokens.example.com?a=b",
    "https://tokens.example.com#a",
]


@pytest.mark.parametrize("url", NOT_A_BROKER)
def test_no_identity_is_sent_in_the_clear_or_to_anything_but_an_origin(url: str) -> None:
    with pytest.raises(TokenError, match=r"MY_URL .*nothing was sent") as raised:
        broker_origin(url, "MY_URL")
    assert raised.value.code == "bad_url"
    assert "password" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://tokens.example.com", "https://tokens.example.com"),
        ("https://Tokens.Example.com:443/", "https://tokens.example.com"),
        ("HTTPS://tokens.example.com:8443", "https://tokens.example.com:8443"),
        ("http://127.0.0.1:3000/", "http://127.0.0.1:3000"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_a_broker_is_called_by_https_or_on_this_machine(url: str, origin: str) -> None:
    assert broker_origin(url, "url") == origin


@pytest.mark.parametrize(
    ("endpoint", "variable", "origin"),
    [
        (None, "", API2),
        (None, "https://api2-eu-west-1.transloadit.com", "https://api2-eu-west-1.transloadit.com"),
        (None, "http://127.0.0.1:3002", "http://127.0.0.1:3002"),
        ("https://proxy.example.com/mcp", "", "https://proxy.example.com"),
        ("https://proxy.example.com", "https://evil.example.com", "https://proxy.example.com"),
    ],
)
def test_the_token_goes_to_transloadit_or_where_the_code_says(endpoint: str, variable: str, origin: str) -> None:
    assert transloadit_origin(endpoint, {"TRANSLOADIT_ENDPOINT": variable}) == origin


@pytest.mark.parametrize(
    "variable",
    [
        "https://evil.example.com",
        "https://eviltransloadit.com",
        "https://transloadit.com.example.com",
        "https://api2.transloadit.com@example.com",
        "http://api2.transloadit.com",
    ],
)
def test_a_variable_cannot_send_the_token_elsewhere(variable: str) -> None:
    with pytest.raises(TokenError, match="TRANSLOADIT_ENDPOINT"):
        transloadit_origin(None, {"TRANSLOADIT_ENDPOINT": variable})


@pytest.mark.parametrize("url", ["http://api2.transloadit.com/", "", "https://[", "https://api2.transloadit.com.evil/"])
def test_the_origin_of_another_url_is_not_api2_s(url: str) -> None:
    assert origin_of(url) != API2
    assert origin_of("https://API2.transloadit.com:443/templates") == API2
