"""What the issuer remembers between its endpoints: logins whose code is not redeemed yet, and refresh tokens.

Each code and each refresh token is good once. The first use takes it out, also when that use is refused: whoever tries
verifiers with a stolen code has one try.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

CODE_SECONDS = 60
# The base64url of a SHA-256, and RFC 7636 section 4.1 for the verifier.
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class Refused(Exception):
    """The error code of RFC 6749 (section 4.1.2.1 or 5.2), and a sentence for whoever reads the answer."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


@dataclass(frozen=True, slots=True)
class Login:
    """One person's login at one client. `auth_time` is in seconds since 1970."""

    subject: str
    client_id: str
    redirect_uri: str
    challenge: str
    nonce: str | None
    auth_time: int


def check_challenge(query: Mapping[str, str]) -> str:
    """The challenge of an authorization request, by S256 and nothing else. Raises Refused."""
    # `plain` shows the verifier to everybody who sees the address of the login page.
    if query.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(query.get("code_challenge", "")):
        raise Refused("invalid_request", "PKCE is required: code_challenge, with code_challenge_method=S256")
    return query["code_challenge"]


class Logins:
    """Both kinds of one-time texts, by the clock that is handed in (seconds since 1970)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._codes: dict[str, Login] = {}
        self._refreshes: dict[str, Login] = {}

    def new_code(self, login: Login) -> str:
        code = secrets.token_urlsafe(32)
        self._codes[code] = login
        return code

    def new_refresh(self, login: Login) -> str:
        token = secrets.token_urlsafe(32)
        self._refreshes[token] = login
        return token

    def redeem(self, form: Mapping[str, str]) -> Login:
        """The login that a token request is about, by `authorization_code` or `refresh_token`. Raises Refused."""
        grant = form.get("grant_type")
        if grant == "authorization_code":
            login = self._redeem_code(form)
        elif grant == "refresh_token":
            login = self._take(self._refreshes, form.get("refresh_token", ""))
        else:
            raise Refused("unsupported_grant_type", "this issuer takes authorization_code and refresh_token")
        if form.get("client_id") != login.client_id:
            raise Refused("invalid_grant", "it was given to another client")
        return login

    def _redeem_code(self, form: Mapping[str, str]) -> Login:
        login = self._take(self._codes, form.get("code", ""))
        if self._clock() > login.auth_time + CODE_SECONDS:
            raise Refused("invalid_grant", f"the code was good for {CODE_SECONDS} seconds")
        if form.get("redirect_uri") != login.redirect_uri:
            raise Refused("invalid_grant", "the redirect_uri is not that of the login")
        verifier = form.get("code_verifier", "")
        if not _VERIFIER.fullmatch(verifier) or not secrets.compare_digest(_hash(verifier), login.challenge):
            # A code that was seen in a log or a history is worth nothing without the verifier (RFC 7636 section 4.6).
            raise Refused("invalid_grant", "the code_verifier is not that of the login")
        return login

    @staticmethod
    def _take(held: dict[str, Login], text: str) -> Login:
        login = held.pop(text, None)
        if login is None:
            raise Refused("invalid_grant", "it is unknown, or was used before")
        return login


def _hash(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
