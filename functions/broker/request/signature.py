"""The proof and the JSON object beside it become a `SignatureRequest`. Everything malformed ends here."""

from collections.abc import Callable
from typing import Annotated, Any

from msgspec import Meta, ValidationError, convert, field

from broker.base.audit import SignatureNotes, Wishes
from broker.base.errors import InvalidRequest
from broker.base.values import Value
from broker.policy.texts import is_path, is_plain
from broker.request.http import HttpRequest, read_json
from broker.request.proof import AnyProof, Proof, read_header_proof

MAX_INPUTS = 100  # of one request
_SAFE = 2**53 - 1  # the largest integer that is the same number for JavaScript

Seconds = Annotated[int, Meta(ge=1, le=_SAFE)]
Param = bool | Annotated[int, Meta(ge=-_SAFE, le=_SAFE)] | str


class _Wish(Value, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    credential: str | None = None  # None: the one whose rule has the name

    @property
    def kind(self) -> str:
        return str(self.__struct_config__.tag)


class AssemblyWish(_Wish, frozen=True, tag="assembly"):
    """Signed parameters of an Assembly. `template` is a name of the policy, `fields` are defaults of the caller."""

    template: str
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.template


class SmartCdnWish(_Wish, frozen=True, tag="smart_cdn"):
    """Signed Smart CDN URLs: of `input`, or of each of `inputs`. `expires_in` in seconds; None: what the rule says."""

    template: str
    input: str | None = None
    inputs: Annotated[tuple[str, ...], Meta(min_length=1, max_length=MAX_INPUTS)] | None = None
    params: dict[str, Param] = field(default_factory=dict)
    expires_in: Seconds | None = None

    @property
    def name(self) -> str:
        return self.template

    @property
    def all_inputs(self) -> tuple[str, ...]:
        return self.inputs or (self.input or "",)


class StorageWish(_Wish, frozen=True, tag="storage"):
    """A Storage grant. `grant` is a name of the policy; `expires_in` as of a Smart CDN URL."""

    grant: str
    expires_in: Seconds | None = None

    @property
    def name(self) -> str:
        return self.grant


Wish = AssemblyWish | SmartCdnWish | StorageWish


class SignatureRequest[P: AnyProof](Value, frozen=True):
    """What a caller wants signed, not verified."""

    proof: P
    wish: Wish

    def describe(self, is_known: Callable[[str], bool]) -> Wishes:
        """What is asked for, for the record; names that are not known are question marks."""
        name, credential = self.wish.name, self.wish.credential
        return Wishes(
            credential=credential if credential is None or is_known(credential) else "?",
            signing=SignatureNotes(kind=self.wish.kind, name=name if is_known(name) else "?"),
        )


def read_signature_request(http: HttpRequest) -> SignatureRequest[Proof]:
    """The signature request in an HTTP request. Raises InvalidRequest or one of its subclasses.

    The checks run in the order of `read_token_request`: method, size, content type, decoding, repeated members,
    proof, everything else.
    """
    members = read_json(http)
    return SignatureRequest(read_header_proof(http), read_wish(members))


def read_wish(members: dict[str, Any]) -> Wish:
    """What the members ask for. Raises InvalidRequest for an unknown member, and for a text that climbs or hides."""
    try:
        wish: Wish = convert(members, Wish)
    except ValidationError as error:
        raise InvalidRequest("body is no request for a signature", _describe(str(error))) from error
    if isinstance(wish, SmartCdnWish):
        if (wish.input is None) == (wish.inputs is None):
            raise InvalidRequest("input and inputs", "Send either input or inputs.")
        if not all(map(is_path, wish.all_inputs)):
            raise InvalidRequest(
                "input",
                "An input is a path of 1 to 1024 bytes without empty segments, . or .., and without backslashes, "
                "percent signs, ${ or invisible characters.",
            )
    # api2 fills fields into the Template's steps, paths among them.
    if isinstance(wish, AssemblyWish) and not all(is_plain(text) for pair in wish.fields.items() for text in pair):
        raise InvalidRequest(
            "fields",
            "A field has at most 1024 bytes, no backslashes, percent signs, ${ or control and invisible characters.",
        )
    return wish


def _describe(problem: str) -> str:
    """The decoder's words, without the caller's own, which could hold anything."""
    # A message quotes a name between backticks, and names the place after a dash.
    plain = problem.replace("`", "")
    is_printable = plain.isascii() and plain.isprintable() and not {'"', "\\"} & set(plain)
    fits = is_printable and len(plain) <= 200
    return f"The body does not fit: {plain}." if fits else "The body has a member that is unknown or of a wrong type."
