"""The JWT of a proof becomes a caller, or is refused."""

from typing import Any

import pytest
from broker.base.audit import Notes
from broker.base.errors import CallerRefused
from broker.base.progress import Deadline, Progress
from broker.caller.caller import Caller
from broker.caller.keys import KeySets
from broker.caller.verifier import Verifier
from broker.policy.model import Issuer
from broker.request.proof import Proof, ProofForm

from tests.kit.callers import claims_of_alice
from tests.kit.clock import Clock
from tests.kit.forms import ORIGIN
from tests.kit.jwts import Signer
from tests.kit.policies import AUDIENCE, ISSUER, condition, issuer, policy
from tests.kit.web import Web

SIGNER = Signer("ES256")
INLINE: dict[str, Any] = {"jwks": SIGNER.jwks(), "algorithms": ["ES256"]}


class Desk:
    """Verifies JWTs by entries with inline keys."""

    def __init__(self, *entries: Issuer) -> None:
        self.clock = Clock()
        self.notes = Notes()
        trust = policy(issuers=list(entries) or [issuer(**INLINE)])
        self._verifier = Verifier(trust.issuers, KeySets(Web(), self.clock), self.clock)

    def claims(self, **changes: Any) -> dict[str, Any]:
        return claims_of_alice(ISSUER, AUDIENCE, self.clock(), **changes)

    def verify(self, jwt: str) -> Caller:
        return self.identify(Proof(ProofForm.HEADER, jwt))

    def identify(self, proof: Proof) -> Caller:
        return self._verifier.identify(proof, Progress(Deadline(self.clock, 15), self.notes))

    def accepts(self, header: dict[str, Any] | None = None, **changes: Any) -> bool:
        try:
            self.verify(SIGNER.jwt(self.claims(**changes), **(header or {})))
        except CallerRefused:
            return False
        return True


def test_a_caller_is_issuer_subject_claims_and_expiry() -> None:
    desk = Desk()
    claims = desk.claims(groups=["editors"])
    assert desk.verify(SIGNER.jwt(claims)) == Caller("site", ISSUER, "alice", claims)
    assert (desk.notes.issuer, desk.notes.subject) == (ISSUER, "alice")


def test_a_forged_signature_is_refused_and_its_subject_not_noted() -> None:
    desk = Desk()
    with pytest.raises(CallerRefused, match="signature"):
        desk.verify(Signer("ES256", name="another").jwt(desk.claims()))
    assert (desk.notes.issuer, desk.notes.subject) == (ISSUER, None)


@pytest.mark.parametrize("missing", ["iss", "sub", "aud", "exp"])
def test_the_four_claims_are_required(missing: str) -> None:
    assert not Desk().accepts(**{missing: None})


@pytest.mark.parametrize(
    "iss",
    [
        ISSUER.rstrip("/"),
        f"{ISSUER}/",
        ISSUER.upper(),
        f"{ISSUER}x",
        "https://login.example.com@evil.example/",
        "https://evil.example/#https://login.example.com/",
        f" {ISSUER}",
        [ISSUER],
        {"a": ISSUER},
        7,
        True,
        "",
    ],
)
def test_the_issuer_must_be_equal_byte_for_byte(iss: Any) -> None:
    desk = Desk()
    assert not desk.accepts(iss=iss)
    assert desk.notes.issuer is None


@pytest.mark.parametrize("sub", ["", 7, True, ["alice"], {}])
def test_the_subject_is_a_text_that_is_not_empty(sub: Any) -> None:
    assert not Desk().accepts(sub=sub)


@pytest.mark.parametrize("aud", [AUDIENCE, [AUDIENCE], ["https://else.example", AUDIENCE]])
def test_the_audience_may_be_a_text_or_a_list(aud: Any) -> None:
    assert Desk().accepts(aud=aud)


@pytest.mark.parametrize(
    "aud", ["", [], [""], "https://else.example", f"{AUDIENCE}/", [AUDIENCE, 7], {AUDIENCE: 1}, True, [[AUDIENCE]]]
)
def test_another_audience_is_refused(aud: Any) -> None:
    assert not Desk().accepts(aud=aud)


NOW = int(Clock()())


@pytest.mark.parametrize(
    ("claims", "accepted"),
    [
        ({"exp": NOW - 29}, True),
        ({"exp": NOW - 30}, False),
        ({"exp": NOW + 0.5}, True),
        ({"exp": 10**30}, True),
        ({"exp": 0}, False),
        ({"exp": -1}, False),
        ({"exp": str(NOW + 300)}, False),
        ({"exp": True}, False),
        ({"exp": [NOW + 300]}, False),
        ({"nbf": NOW + 30}, True),
        ({"nbf": NOW + 31}, False),
        ({"nbf": "now"}, False),
        ({"iat": NOW + 30}, True),
        ({"iat": NOW + 31}, False),
        ({"iat": False}, False),
        ({"iat": None}, True),
    ],
)
def test_times_are_checked_with_thirty_seconds_of_leeway(claims: dict[str, Any], accepted: bool) -> None:
    assert Desk().accepts(**claims) is accepted


def test_an_entry_may_have_another_leeway_and_a_greatest_age() -> None:
    desk = Desk(issuer(**INLINE, leeway=0, max_age=60))
    assert desk.accepts(exp=NOW + 1)
    assert not desk.accepts(exp=NOW)
    assert desk.accepts(iat=NOW - 60)
    assert not desk.accepts(iat=NOW - 61)
    assert not desk.accepts(iat=None)


@pytest.mark.parametrize("claim", ["cnf", "events"])
def test_a_jwt_that_is_not_meant_as_a_bearer_proof_is_refused(claim: str) -> None:
    assert not Desk().accepts(**{claim: {}})


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/jwt", "Application/at+JWT", None])
def test_the_two_types_are_accepted_in_any_spelling(typ: str | None) -> None:
    assert Desk().accepts({"typ": typ})


@pytest.mark.parametrize(
    "typ", ["logout+jwt", "dpop+jwt", "JWS", "", "client-authentication+jwt", 7, ["JWT"], "text/jwt"]
)
def test_a_jwt_of_another_type_is_refused(typ: Any) -> None:
    assert not Desk().accepts({"typ": typ})


def test_an_entry_that_names_types_demands_one_of_them() -> None:
    desk = Desk(issuer(**INLINE, typ=["at+jwt"]))
    assert desk.accepts({"typ": "at+jwt"})
    assert not desk.accepts({"typ": "JWT"})
    assert not desk.accepts({"typ": None})


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "es256", "RS256", "ES384", ""])
def test_an_algorithm_that_the_entry_does_not_name_is_refused(alg: str) -> None:
    assert not Desk().accepts({"alg": alg})


def test_requirements_are_for_every_rule_of_the_issuer() -> None:
    desk = Desk(issuer(**INLINE, require=[condition("token_use", ["one_of", ["id"]])]))
    assert desk.accepts(token_use="id")
    assert not desk.accepts(token_use="access")
    assert not desk.accepts()


def test_another_claim_may_name_the_audience_and_aud_must_match_as_well() -> None:
    desk = Desk(issuer(**INLINE, audience_claim="client_id"))
    assert desk.accepts(client_id=AUDIENCE, aud=None)
    assert desk.accepts(client_id=AUDIENCE, aud=AUDIENCE)
    assert not desk.accepts(client_id=AUDIENCE, aud="https://else.example")
    assert not desk.accepts(client_id="https://else.example", aud=AUDIENCE)
    assert not desk.accepts(aud=AUDIENCE)


def test_another_claim_may_name_the_subject() -> None:
    desk = Desk(issuer(**INLINE, subject_claim="common_name"))
    assert desk.verify(SIGNER.jwt(desk.claims(sub="", common_name="service-1"))).subject == "service-1"
    assert not desk.accepts(common_name="")
    assert not desk.accepts()


def test_among_entries_that_share_an_issuer_the_fitting_one_accepts() -> None:
    first = issuer(**INLINE, name="one", audiences=["a"])
    second = issuer(**INLINE, name="two", audiences=["b"])
    desk = Desk(first, second)
    assert desk.verify(SIGNER.jwt(desk.claims(aud="a"))).entry == "one"
    assert desk.verify(SIGNER.jwt(desk.claims(aud="b"))).entry == "two"
    assert not desk.accepts(aud=["a", "b"])


def test_entries_that_share_an_issuer_are_told_apart_by_their_required_claims() -> None:
    entries = [
        issuer(**INLINE, name=kind, require=[condition("kind", ["one_of", [kind]])]) for kind in ("id", "access")
    ]
    desk = Desk(*entries)
    assert desk.verify(SIGNER.jwt(desk.claims(kind="access"))).entry == "access"
    assert not desk.accepts(kind="refresh")


# The forms of the proof.


def assertion(jwt: str, client_id: str | None = None) -> Proof:
    return Proof(ProofForm.CLIENT_ASSERTION, jwt, client_id=client_id, audience=ORIGIN)


@pytest.mark.parametrize("form", ProofForm)
def test_a_malformed_jwt_is_refused_in_every_form(form: ProofForm) -> None:
    with pytest.raises(CallerRefused) as caught:
        Desk().identify(Proof(form, "x"))
    assert caught.value.reason.startswith("malformed JWT: ")


@pytest.mark.parametrize("form", [ProofForm.ASSERTION, ProofForm.SUBJECT_TOKEN])
def test_an_assertion_and_a_subject_token_are_for_the_policy_s_audiences(form: ProofForm) -> None:
    desk = Desk()
    assert desk.identify(Proof(form, SIGNER.jwt(desk.claims()))).subject == "alice"
    with pytest.raises(CallerRefused):
        desk.identify(Proof(form, SIGNER.jwt(desk.claims(aud=ORIGIN))))


@pytest.mark.parametrize("aud", [ORIGIN, [ORIGIN]], ids=repr)
def test_a_client_assertion_is_for_the_broker_itself(aud: Any) -> None:
    desk = Desk()
    assert desk.identify(assertion(SIGNER.jwt(desk.claims(aud=aud)))).subject == "alice"


@pytest.mark.parametrize(
    "aud",
    [AUDIENCE, f"{ORIGIN}/token", f"{ORIGIN}/", [ORIGIN, AUDIENCE], [ORIGIN, ORIGIN], [], None, "https://evil.example"],
    ids=repr,
)
def test_a_client_assertion_for_anybody_else_even_for_the_token_endpoint_is_refused(aud: Any) -> None:
    """draft-ietf-oauth-rfc7523bis: the issuer as the only audience, since endpoints were confused with one another."""
    desk = Desk()
    with pytest.raises(CallerRefused, match="audience"):
        desk.identify(assertion(SIGNER.jwt(desk.claims(aud=aud))))


def test_another_audience_claim_must_match_in_a_client_assertion_as_well() -> None:
    desk = Desk(issuer(**INLINE, audience_claim="client_id"))
    for client, is_accepted in ((AUDIENCE, True), ("another app of the same pool", False), (None, False)):
        proof = assertion(SIGNER.jwt(desk.claims(aud=ORIGIN, client_id=client)))
        if is_accepted:
            assert desk.identify(proof).subject == "alice"
        else:
            with pytest.raises(CallerRefused, match="audience"):
                desk.identify(proof)


def test_a_client_id_must_be_the_subject() -> None:
    desk = Desk()
    jwt = SIGNER.jwt(desk.claims(aud=ORIGIN))
    assert desk.identify(assertion(jwt, "alice")).subject == "alice"
    with pytest.raises(CallerRefused, match="client_id"):
        desk.identify(assertion(jwt, "bob"))


def test_a_client_assertion_may_say_that_it_is_one_and_no_other_proof_may() -> None:
    desk = Desk()
    jwt = SIGNER.jwt(desk.claims(aud=ORIGIN), typ="client-authentication+jwt")
    assert desk.identify(assertion(jwt)).subject == "alice"
    assert not desk.accepts({"typ": "client-authentication+jwt"})


@pytest.mark.parametrize("listed", ["EdDSA", "Ed25519"])
@pytest.mark.parametrize("shown", ["EdDSA", "Ed25519"])
@pytest.mark.parametrize("key_says", [None, "EdDSA", "Ed25519"])
def test_the_policy_says_which_name_of_the_edwards_algorithm_a_jwt_may_have(
    listed: str, shown: str, key_says: str | None
) -> None:
    """RFC 9864: the key verifies both, as they are one algorithm."""
    signer = Signer("EdDSA")
    desk = Desk(issuer(jwks=signer.jwks(alg=key_says), algorithms=[listed]))
    compact = signer.jwt(desk.claims(), alg=shown)
    if listed == shown:
        assert desk.verify(compact).subject == "alice"
    else:
        with pytest.raises(CallerRefused, match="algorithm"):
            desk.verify(compact)
