"""The proof and the other fields become a `TokenRequest`. Everything malformed ends here."""

import re
from collections.abc import Callable, Mapping

from broker.base.audit import Wishes
from broker.base.errors import InvalidScope, InvalidTarget
from broker.base.values import Value
from broker.policy.model import DEFAULT_AUD, DEFAULT_CREDENTIAL
from broker.request.http import HttpRequest, read_form
from broker.request.proof import AnyProof, Proof, read_proof

# RFC 6749 section 3.3, without the comma, which separates scopes on api2: one name must not become two there.
_SCOPE = re.compile(r"[\x21\x23-\x2B\x2D-\x5B\x5D-\x7E]+")


class TokenRequest[P: AnyProof](Value, frozen=True):
    """What a caller asks for, not verified. `scopes` None asks for all that the policy gives."""

    proof: P
    scopes: frozenset[str] | None
    aud: str
    credential: str

    def describe(self, is_known: Callable[[str], bool]) -> Wishes:
        """What is asked for, for the record; names that are not known are question marks."""
        aud, credential = (name if is_known(name) else "?" for name in (self.aud, self.credential))
        if self.scopes is None:
            return Wishes(None, aud, credential)
        # Scopes that are not known are one question mark, with their number.
        known = tuple(filter(is_known, sorted(self.scopes)))
        unknown = len(self.scopes) - len(known)
        return Wishes((*known, f"?{unknown}") if unknown else known, aud, credential)


def read_token_request(http: HttpRequest) -> TokenRequest[Proof]:
    """The token request in an HTTP request. Raises InvalidRequest or one of its subclasses.

    The checks run in the order of the HTTP contract: method, size, content type, decoding, repeated
    fields, grant_type, proof, everything else.
    """
    fields = read_form(http)
    return make_request(read_proof(http, fields), fields)


def make_request[P: AnyProof](proof: P, fields: Mapping[str, str]) -> TokenRequest[P]:
    """The request of a proof and the fields beside it. Raises InvalidScope, InvalidTarget."""
    return TokenRequest(
        proof=proof,
        scopes=_read_scopes(fields.get("scope")),
        aud=_read_aud(fields),
        credential=fields.get("credential", DEFAULT_CREDENTIAL),
    )


def _read_scopes(scope: str | None) -> frozenset[str] | None:
    """The names in `scope`, separated by spaces or commas as on api2; None if there is no `scope`."""
    if scope is None:
        return None
    scopes = frozenset(re.split(r"[ ,]+", scope)) - {""}
    # `*` is the policy's word for all scopes of an Auth Key. And a `scope` without a name must not count as no `scope`,
    # which asks for everything.
    if not scopes or "*" in scopes or not all(map(_SCOPE.fullmatch, scopes)):
        raise InvalidScope("scope is malformed", "scope is malformed: names separated by spaces, and no *.")
    return scopes


def _read_aud(fields: Mapping[str, str]) -> str:
    """`aud` as on api2; RFC 8693 section 2.1 names the same field `audience`."""
    named = {fields[name] for name in ("aud", "audience") if name in fields}
    if len(named) > 1:
        raise InvalidTarget("aud and audience differ", "aud and audience differ; send one.")
    return named.pop() if named else DEFAULT_AUD
