"""What is signed for a caller: all of it from one rule, and why nothing is."""

from typing import Any

import pytest
from broker.base.errors import AccessDenied, BrokerError, InvalidRequest, InvalidTarget
from broker.caller.caller import Caller
from broker.decision import Refusal
from broker.policy.model import Policy
from broker.request.proof import Proof, ProofForm
from broker.request.signature import SignatureRequest, read_wish
from broker.signing.decision import (
    AssemblyParams,
    Signing,
    SmartCdnUrls,
    StorageGrant,
    decide_signing,
)

from tests.kit.policies import ISSUER, assembly_form, condition, policy, sign_rule, smart_cdn_form, storage_form

ASSEMBLY = {"kind": "assembly", "template": "avatar"}
CDN = {"kind": "smart_cdn", "template": "thumbnail", "input": "users/alice/a.jpg"}
STORAGE = {"kind": "storage", "grant": "own"}


def decide(wish: dict[str, Any], trust: Policy | None = None, **claims: Any) -> Signing | Refusal:
    members = {"sub": "alice", "groups": ["editors"]} | claims
    caller = Caller("site", ISSUER, "alice", members)
    request = SignatureRequest(Proof(ProofForm.HEADER, "a.b.c"), read_wish(wish))
    return decide_signing(trust or policy(sign_rules=[sign_rule()]), caller, request)


def order(wish: dict[str, Any], trust: Policy | None = None, **claims: Any) -> Any:
    decision = decide(wish, trust, **claims)
    assert isinstance(decision, Signing), decision
    return decision.order


def refusal(wish: dict[str, Any], trust: Policy | None = None, **claims: Any) -> tuple[type[BrokerError], str]:
    decision = decide(wish, trust, **claims)
    assert isinstance(decision, Refusal), decision
    return decision.error, decision.reason


def with_form(kind: str, name: str, form: dict[str, Any]) -> Policy:
    return policy(sign_rules=[sign_rule(**{kind: {name: form}})])


def test_an_assembly_is_built_of_the_rule_and_of_the_fields_that_a_caller_may_send() -> None:
    assert order(ASSEMBLY | {"fields": {"album": "summer"}}) == AssemblyParams(
        template_id="0123456789abcdef0123456789abcdef",
        algorithm="sha384",
        expires=300,
        max_size=100_000_000,
        max_number_of_files=5,
        steps={"exported": {"path": "users/alice/${file.id}.${file.ext}"}},
        fields={"source": "web", "album": "summer"},
    )


def test_urls_are_built_of_the_rule_the_inputs_and_the_parameters_that_a_caller_may_choose() -> None:
    assert order(CDN | {"params": {"w": 100}, "expires_in": 60}) == SmartCdnUrls(
        origin="https://acme.tlcdn.com",
        workspace="acme",
        template="serve-thumb",
        inputs=("users/alice/a.jpg",),
        params={"f": "webp", "w": 100},
        expires=60,
        as_list=False,
    )


def test_a_grant_is_built_of_the_rule_alone() -> None:
    assert order(STORAGE) == StorageGrant("acme", "users/alice/", ("read", "write"), 900)


def test_the_decision_names_rule_kind_name_and_credential() -> None:
    decision = decide(STORAGE)
    assert isinstance(decision, Signing)
    assert (decision.rule, decision.kind, decision.name) == ("editors upload avatars", "storage", "own")
    assert decision.credential == "default"


def test_a_caller_whom_no_rule_matches_is_refused() -> None:
    decision = decide(ASSEMBLY, groups=["readers"])
    assert isinstance(decision, Refusal)
    assert (decision.error, decision.failed) == (AccessDenied, {"editors upload avatars": ("groups",)})


def test_a_rule_for_bearer_tokens_signs_nothing() -> None:
    assert refusal(ASSEMBLY, policy())[0] is AccessDenied


@pytest.mark.parametrize(
    "wish",
    [
        ASSEMBLY | {"template": "thumbnail"},
        CDN | {"template": "avatar"},
        {"kind": "storage", "grant": "avatar"},
        ASSEMBLY | {"template": "unknown"},
        ASSEMBLY | {"template": "0123456789abcdef0123456789abcdef"},
        ASSEMBLY | {"credential": "other"},
        ASSEMBLY | {"credential": "nowhere"},
    ],
    ids=str,
)
def test_a_name_of_another_kind_or_credential_is_no_target(wish: dict[str, Any]) -> None:
    trust = policy(credentials=["default", "other"], sign_rules=[sign_rule()])
    assert refusal(wish, trust)[0] is InvalidTarget


def test_a_name_of_two_credentials_needs_the_credential_in_the_request() -> None:
    rules = [sign_rule(), sign_rule(name="others", credential="other")]
    trust = policy(credentials=["default", "other"], sign_rules=rules)
    assert refusal(STORAGE, trust)[0] is InvalidTarget
    decision = decide(STORAGE | {"credential": "other"}, trust)
    assert isinstance(decision, Signing)
    assert (decision.rule, decision.credential) == ("others", "other")


def test_a_name_that_two_matching_rules_define_is_signed_by_neither() -> None:
    """The compiler refuses such a policy; the order of rules must not decide if it ever did not."""
    trust = policy(sign_rules=[sign_rule(), sign_rule(name="again")])
    assert refusal(ASSEMBLY | {"credential": "default"}, trust)[0] is InvalidTarget


def test_limits_of_two_rules_are_never_joined() -> None:
    generous = sign_rule(name="admins", when=[condition("groups", ["any", ["admins"]])], assembly={}, storage={})
    rules = [sign_rule(smart_cdn={"thumbnail": smart_cdn_form(expires=60)}), generous]
    assert refusal(CDN | {"expires_in": 61}, policy(sign_rules=rules[:1]), groups=["editors"])[0] is InvalidRequest
    assert refusal(CDN, policy(sign_rules=rules), groups=["editors", "admins"])[0] is InvalidTarget


@pytest.mark.parametrize("fields", [{"source": "mine"}, {"other": "x"}, {"album": "x", "": "y"}], ids=str)
def test_a_field_that_the_rule_does_not_leave_to_callers_is_refused(fields: dict[str, str]) -> None:
    assert refusal(ASSEMBLY | {"fields": fields})[0] is InvalidRequest


@pytest.mark.parametrize(
    "text",
    [
        "users/bob/a.jpg",
        "users/alice",
        "users/alicex/a.jpg",
        "users/Alice/a.jpg",
        "user/alice/a.jpg",
        "alice/a.jpg",
        "x/users/alice/a.jpg",
        "users/\uff41lice/a.jpg",
    ],
    ids=ascii,
)
def test_an_input_outside_the_callers_folder_is_refused(text: str) -> None:
    assert refusal(CDN | {"input": text}) == (InvalidRequest, "under")
    many = {"kind": "smart_cdn", "template": "thumbnail", "inputs": ["users/alice/a.jpg", text]}
    assert refusal(many) == (InvalidRequest, "under")


@pytest.mark.parametrize(("text", "is_signed"), [("public/a", True), ("public/a/b", False), ("public/a\uff0fb", False)])
def test_an_input_by_pattern_must_match_as_it_is_and_normalized(text: str, is_signed: bool) -> None:
    trust = with_form("smart_cdn", "thumbnail", smart_cdn_form(under=[], inputs=["like", "public/*"]))
    decision = decide(CDN | {"input": text}, trust)
    assert isinstance(decision, Signing) is is_signed


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"w": 300}, "param w"),
        ({"w": "100"}, "param w"),
        ({"w": True}, "param w"),
        ({"f": "png"}, "param f"),
        ({"x": 1}, "param ?"),
        ({"W": 100}, "param ?"),
        ({"auth_key": "x"}, "param ?"),
        ({"sig": "x"}, "param ?"),
        ({"exp": 1}, "param ?"),
    ],
    ids=str,
)
def test_a_parameter_outside_the_rule_is_refused(params: dict[str, Any], reason: str) -> None:
    assert refusal(CDN | {"params": params}) == (InvalidRequest, reason)


def test_a_fixed_parameter_is_in_every_url_and_may_be_sent_as_it_is() -> None:
    assert order(CDN).params == {"f": "webp"}
    assert order(CDN | {"params": {"f": "webp"}}).params == {"f": "webp"}


def test_one_and_true_are_different_choices() -> None:
    trust = with_form("smart_cdn", "thumbnail", smart_cdn_form(choices={"w": [1], "t": [True]}))
    assert refusal(CDN | {"params": {"w": True}}, trust)[0] is InvalidRequest
    assert refusal(CDN | {"params": {"t": 1}}, trust)[0] is InvalidRequest
    assert order(CDN | {"params": {"w": 1, "t": True}}, trust).params == {"f": "webp", "w": 1, "t": True}


@pytest.mark.parametrize("wish", [CDN, STORAGE], ids=lambda wish: str(wish["kind"]))
def test_a_longer_life_than_the_rule_gives_is_refused_and_not_cut(wish: dict[str, Any]) -> None:
    longest = order(wish).expires
    assert order(wish | {"expires_in": longest}).expires == longest
    assert refusal(wish | {"expires_in": longest + 1}) == (InvalidRequest, "expires_in")


@pytest.mark.parametrize(
    "claim", ["a/b", "..", "a..b", "a.", "a\n", "", "ä", "a b", 7, None, ["alice"], "a" * 129], ids=ascii
)
@pytest.mark.parametrize("wish", [ASSEMBLY, CDN, STORAGE], ids=lambda wish: str(wish["kind"]))
def test_a_claim_that_cannot_stand_in_a_path_gets_nothing(wish: dict[str, Any], claim: Any) -> None:
    assert refusal(wish, sub=claim) == (AccessDenied, "the claim sub cannot stand in a path")


def test_a_claim_of_a_path_may_be_named_by_a_pointer() -> None:
    trust = with_form("storage", "own", storage_form(prefix=["orgs", ["/org/id"]]))
    assert order(STORAGE, trust, org={"id": "acme"}).prefix == "orgs/acme/"
    assert refusal(STORAGE, trust)[0] is AccessDenied


def test_an_assembly_without_limits_of_its_own_has_none() -> None:
    trust = with_form("assembly", "avatar", assembly_form(max_size=None, max_number_of_files=None))
    assert (order(ASSEMBLY, trust).max_size, order(ASSEMBLY, trust).max_number_of_files) == (None, None)
