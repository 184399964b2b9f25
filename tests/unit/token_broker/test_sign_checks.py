"""Mistakes in rules that sign: each reported at its place, with what to do."""

from typing import Any

import pytest
from broker.policy.texts import is_path, normalize
from hypothesis import given
from hypothesis import strategies as st
from token_broker.policy import texts
from token_broker.policy.compiler import compile_policy
from token_broker.policy.document import PolicyErrors

from tests.unit.token_broker.test_sign_compiler import ASSEMBLY, CREDENTIALS, SITE, SMART_CDN, STORAGE, document, rule

OTHER = SITE | {"issuer": "https://other.example.com/"}
APP_CHECK = {
    "preset": "firebase-app-check",
    "issuer": "https://firebaseappcheck.googleapis.com/123",
    "audiences": ["projects/123"],
}
AUTH0 = {"preset": "auth0", "issuer": "https://a.eu.auth0.com/", "audiences": ["us"]}
GITHUB = {"preset": "github-actions", "audiences": ["us"]}
IN_REPOSITORY = {"repository_id": "1", "ref": "refs/heads/main"}
TOKENS: dict[str, Any] = {"name": "tokens", "issuer": "site", "when": {"groups": {"any": ["a"]}}}


def errors(*rules: dict[str, Any], **more: Any) -> str:
    with pytest.raises(PolicyErrors) as caught:
        compile_policy(document(*rules, **more), "p.yaml")
    return str(caught.value)


def assembly(**changes: Any) -> dict[str, Any]:
    return rule({"assembly": {"avatar": ASSEMBLY | changes}})


def smart_cdn(**changes: Any) -> dict[str, Any]:
    return rule({"smart_cdn": {"thumbnail": SMART_CDN | changes}})


def storage(**changes: Any) -> dict[str, Any]:
    return rule({"storage": {"own": STORAGE | changes}})


def pinned(*pieces: Any) -> dict[str, Any]:
    return assembly(steps={"exported": {"path": list(pieces)}})


def without(form: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in form.items() if key != name}


@pytest.mark.parametrize(
    ("wrong", "reported"),
    [
        (rule({}), "`sign`: say what: assembly, smart_cdn or storage"),
        (rule({"asembly": {"a": ASSEMBLY}}), "unknown key `asembly`; did you mean `assembly`?"),
        (rule({"assembly": {}}), "`assembly` must not be empty"),
        (rule({"assembly": None}), "`assembly` is empty"),
        (
            smart_cdn() | {"scopes": ["read"]},
            "a rule gives one thing: `scopes`, `sign` or `assemble`; write a rule for each",
        ),
        (smart_cdn() | {"aud": ["api2"]}, "`aud` does not belong here"),
        (smart_cdn() | {"share": "caller"}, "`share` does not belong here"),
        (TOKENS, "`scopes` is missing; add it, or `sign` or `assemble` in its place"),
        (rule({"assembly": {"a/b": ASSEMBLY}}), "at most 64 letters, digits and _.-"),
        (smart_cdn() | {"issuer": "invoke", "when": {"sub": "x"}}, "callers of `invoke` show no JWT"),
        (assembly(template_id="a b"), "`template_id`: the id or the name of a Template"),
        (smart_cdn(template="builtin/../x"), "`template`: the id or the name of a Template, or builtin/…"),
        (rule({"assembly": {"avatar": without(ASSEMBLY, "max_size")}}), "`max_size` is missing"),
        (assembly(max_size=100), "`max_size`: write a size such as 500KB, 100MB or 2GB, or {none: <why"),
        (assembly(max_size="100MiB"), "write a size such as"),
        (assembly(max_size="0MB"), "write a size such as"),
        (assembly(max_size={"none": ""}), "`none` must not be empty"),
        (assembly(max_number_of_files=0), "`max_number_of_files` is out of range"),
        (assembly(expires="16m"), "`expires`: at most 15m, and not 0s"),
        (assembly(expires="0s"), "`expires`: at most 15m, and not 0s"),
        (smart_cdn(expires="8d"), "`expires`: at most 7d"),
        (storage(expires="61m"), "`expires`: at most 1h"),
        (assembly(fields={"owner": {"claim": "sub"}}), "a claim proves nothing here; pin it in `steps`"),
        (assembly(fields={"owner": {"caller": False}}), "`caller` must be true, for a field"),
        (assembly(fields={"a b": "x"}), "at most 64 letters, digits and _.-"),
        (assembly(steps={"exported": {}}), "`exported` must not be empty"),
        (
            assembly(steps={"exported": {"path": {"claim": "sub"}}}),
            "write a text, or a list of texts and claims such as",
        ),
        (assembly(steps={"exported": {"width": 100}}), "`width` must be a text; put it in quotes"),
        (pinned("users/", "${fields.owner}"), "`${fields.…}` is written by the caller"),
        (pinned("${ fields['owner'] }/", {"claim": "sub"}), "`${fields.…}` is written by the caller"),
        (assembly(steps={"exported": {"path": "${file.id + fields.x}"}}), "`${fields.…}` is written by the caller"),
        (pinned("${", {"claim": "sub"}, "}"), "a claim within `${…}` would be run as code"),
        (pinned("${file.id + '", {"claim": "sub"}, "'}"), "a claim within `${…}` would be run as code"),
        (pinned("a\u2028b"), "without control, invisible or private characters"),
        (pinned(""), "must not be empty"),
        (pinned(), "`path` must not be empty"),
        *(
            (smart_cdn(params={name: 1}), f"`{name}` belongs to the signed URL itself")
            for name in ("input", "sig", "exp")
        ),
        (smart_cdn(params={"a-b": 1}), "a parameter's name has at most 64 letters, digits and underscores"),
        (smart_cdn(params={"w": 2**53}), "an integer is below 2^53"),
        (smart_cdn(params={"w": [1.5]}), "write an integer, true, false or a text"),
        (smart_cdn(params={"w": None}), "write an integer, true, false or a text"),
        (smart_cdn(params={"w": []}), "`w` must not be empty"),
        (smart_cdn(params={"w": [1, 1]}), "a value is there twice"),
        (smart_cdn(inputs={"like": "public/**"}), "say which inputs: `under:"),
        (rule({"smart_cdn": {"t": {"template": "serve"}}}), "say which inputs: `under:"),
        (storage(prefix=[]), "`prefix` must not be empty"),
        (smart_cdn(under=[]), "`under` must not be empty"),
        (storage(scopes=["admin"]), "`scopes` must be 'read' or 'write'"),
        (storage(scopes=[]), "`scopes` must not be empty"),
    ],
)
def test_a_mistake_in_a_rule_that_signs_is_reported_with_what_to_do(wrong: dict[str, Any], reported: str) -> None:
    assert reported in errors(wrong)


@pytest.mark.parametrize(
    ("segment", "reported"),
    [
        ("", "no backslash, %, ${ or hidden"),
        (".", "no backslash, %, ${ or hidden"),
        ("..", "no backslash, %, ${ or hidden"),
        ("users/pictures", "one segment an item: write [a, b] for a/b"),
        ("a\\b", "no backslash, %, ${ or hidden"),
        ("%2e%2e", "no backslash, %, ${ or hidden"),
        ("${x}", "no backslash, %, ${ or hidden"),
        ("\u2025", "another text, '..'"),
        ("\uff0e\uff0e", "another text, '..'"),
        ("a\uff0fb", "another text, 'a/b'"),
        ("\ufb01les", "another text, 'files'"),
        ("a\u2028b", "no backslash, %, ${ or hidden"),
        ("a\ue000b", "no backslash, %, ${ or hidden"),
        ("*", "a segment is no pattern"),
    ],
)
@pytest.mark.parametrize("kind", ["under", "prefix"])
def test_a_segment_that_climbs_hides_or_is_a_pattern_is_refused(kind: str, segment: str, reported: str) -> None:
    path = ["users", segment, {"claim": "sub"}]
    assert reported in errors(smart_cdn(under=path) if kind == "under" else storage(prefix=path))


@pytest.mark.parametrize("pattern", ["/public/**", "public//*", "public/../**", "**/", "a%2f*", "\ufb01les/*"])
def test_a_pattern_that_no_input_can_fit_is_refused(pattern: str) -> None:
    form = without(SMART_CDN, "under") | {"inputs": {"like": pattern}}
    assert "`like`: " in errors(rule({"smart_cdn": {"t": form}}))


def test_a_mistake_is_reported_at_its_line_and_column() -> None:
    text = """version: 1
credentials: {uploads: {}}
issuers: {}
rules:
  - name: one
    issuer: invoke
    when: {sub: x}
    credential: uploads
    sign:
      assembly:
        avatar: {template_id: t, max_size: 1MB, fields: {owner: {claim: sub}}}
"""
    with pytest.raises(PolicyErrors) as caught:
        compile_policy(text, "p.yaml")
    assert str(caught.value).startswith("p.yaml:11:65: error: `owner`: a form field of that name overrides")


@pytest.mark.parametrize("name", ["Acme", "acme.com", "-acme", "acme-", "", "a" * 64, "acme/x", "acme\u200bx"])
def test_a_workspace_that_is_no_dns_label_is_refused(name: str) -> None:
    assert "`workspace`: one DNS label" in errors(
        smart_cdn(), credentials=CREDENTIALS | {"pictures": {"workspace": name}}
    )


@pytest.mark.parametrize(("wrong", "kind"), [(smart_cdn(), "smart_cdn"), (storage(), "storage")])
def test_urls_and_grants_need_the_workspace_of_their_credential_and_assemblies_do_not(
    wrong: dict[str, Any], kind: str
) -> None:
    reported = errors(wrong, credentials={"pictures": {}})
    assert "needs the Workspace's name: `pictures: {workspace: …}` in `credentials`" in reported
    compile_policy(document(assembly(), credentials={"uploads": {}}), "p.yaml")


def test_a_second_definition_of_a_name_for_one_kind_and_credential_is_refused() -> None:
    assert "rule `one` has `thumbnail` in `smart_cdn` for this credential; choose another name" in errors(
        smart_cdn(), smart_cdn() | {"when": {"sub": "x"}}
    )


@pytest.mark.parametrize("scopes", ["*", ["assemblies:write", "assemblies:read"], ["templates:read"]])
def test_a_credential_that_signs_assemblies_gives_no_other_scopes(scopes: Any) -> None:
    tokens = TOKENS | {"credential": "uploads", "scopes": scopes, "silence": {"all-scopes": "a test"}}
    assert "its Auth Key has assemblies:write alone; name another credential here" in errors(assembly(), tokens)


@pytest.mark.parametrize("second", [{"smart_cdn": {"t": SMART_CDN}}, {"storage": {"o": STORAGE}}])
def test_a_credential_that_signs_assemblies_signs_nothing_else(second: dict[str, Any]) -> None:
    reported = errors(assembly(), rule(second, credential="uploads"))
    assert "`uploads` signs Assemblies, and nothing else; name another credential here" in reported


@pytest.mark.parametrize(
    ("issuer", "when", "claim", "reported"),
    [
        (SITE, {"sub": "x"}, "name", "the caller itself writes `name`, and would choose whose path it gets"),
        (SITE, {"sub": "x"}, "/user_metadata/folder", "the caller itself writes"),
        (SITE, {"sub": "x"}, "nonce", "the caller itself writes `nonce`"),
        (SITE, {"sub": "x"}, "https://acme.example/nickname", "the caller itself writes"),
        (SITE, {"sub": "x"}, "email", "may be anybody's until it is verified; add `email_verified: true`"),
        (AUTH0, {"permissions": {"any": ["a"]}}, "org_name", "`org_name` is a name that can change hands"),
        (GITHUB, IN_REPOSITORY, "head_ref", "people who may push can choose `head_ref`"),
        (APP_CHECK, {"sub": "1:2:web:3"}, "sub", "these JWTs name an app and no person"),
    ],
)
def test_a_path_with_a_claim_that_its_bearer_can_choose_is_refused(
    issuer: Any, when: Any, claim: str, reported: str
) -> None:
    wrong = smart_cdn(under=["users", {"claim": claim}]) | {"when": when}
    assert reported in errors(wrong, issuers={"site": issuer})
    wrong = pinned("users/", {"claim": claim}) | {"when": when}
    assert reported in errors(wrong, issuers={"site": issuer})


@pytest.mark.parametrize(
    ("issuer", "when", "claim"),
    [
        (SITE, {"sub": "x"}, "tenant_id"),
        (SITE, {"email_verified": True, "groups": {"any": ["a"]}}, "email"),
        (GITHUB, IN_REPOSITORY, "repository_id"),
        (SITE | {"subject_claim": "client"}, {"sub": "x"}, "client"),
    ],
)
def test_a_path_with_a_claim_that_the_issuer_alone_writes_compiles(issuer: Any, when: Any, claim: str) -> None:
    right = smart_cdn(under=["users", {"claim": claim}]) | {"when": when}
    compile_policy(document(right, issuers={"site": issuer}), "p.yaml")


SAME = "and one issuer's callers may be named as the other's: put a name of the issuer first"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (smart_cdn(), smart_cdn(template="other")),
        (storage(), storage()),
        (smart_cdn(under=["users", {"claim": "sub"}]), smart_cdn(under=["users", "b", {"claim": "sub"}])),
        (smart_cdn(under=[{"claim": "sub"}]), smart_cdn()),
        (pinned("users/", {"claim": "sub"}), pinned("users/", {"claim": "sub"}, "/x")),
        (pinned({"claim": "sub"}, "/x"), pinned("users/", {"claim": "sub"})),
        # What the one writes may be what the other reads.
        (smart_cdn(), storage()),
        (smart_cdn(), pinned("users/", {"claim": "sub"})),
    ],
)
def test_paths_of_two_issuers_that_could_meet_are_refused(one: dict[str, Any], other: dict[str, Any]) -> None:
    other = other | {
        "issuer": "other",
        "sign": {kind: {"b": next(iter(f.values()))} for kind, f in other["sign"].items()},
    }
    assert SAME in errors(one, other, issuers={"site": SITE, "other": OTHER})
    # Two entries of one issuer have the same people.
    entries = {"site": SITE, "other": SITE | {"audiences": ["another"]}}
    compile_policy(document(one, other, issuers=entries), "p.yaml")


@pytest.mark.parametrize(
    "other",
    [
        rule({"smart_cdn": {"b": SMART_CDN | {"under": ["other", "users", {"claim": "sub"}]}}}),
        rule({"smart_cdn": {"b": SMART_CDN | {"under": ["users2", {"claim": "sub"}]}}}),
        rule({"smart_cdn": {"b": SMART_CDN | {"under": ["users", "pictures"]}}}),
        rule({"smart_cdn": {"b": SMART_CDN}}, credential="shop"),
        pinned("other/users/", {"claim": "sub"}),
        pinned("by ", {"claim": "sub"}),
    ],
)
def test_paths_of_two_issuers_that_cannot_meet_compile(other: dict[str, Any]) -> None:
    more = {"issuers": {"site": SITE, "other": OTHER}, "credentials": CREDENTIALS | {"shop": {"workspace": "shop"}}}
    compile_policy(document(smart_cdn(), other | {"issuer": "other"}, **more), "p.yaml")


def test_an_issuer_whose_jwts_name_no_person_gets_signatures_and_no_bearer_token() -> None:
    app = {"when": {"sub": "1:123:web:abc"}}
    compile_policy(document(assembly(steps={}) | app, issuers={"site": APP_CHECK}), "p.yaml")
    tokens = TOKENS | app | {"scopes": ["assemblies:write"]}
    reported = errors(tokens, issuers={"site": APP_CHECK}, credentials={"default": {}})
    assert "these JWTs name no person, so they get no bearer token; write `sign` in place of `scopes`" in reported
    # Neither without its preset.
    plain = SITE | {"issuer": APP_CHECK["issuer"], "silence": {"use-preset": "a test"}}
    assert "they get no bearer token" in errors(tokens, issuers={"site": plain}, credentials={"default": {}})


@given(st.text(max_size=12))
def test_any_segment_is_refused_or_stands_in_an_input_as_it_is_and_normalized(segment: str) -> None:
    try:
        texts.check_segment(segment)
    except ValueError:
        return
    assert is_path(f"{segment}/x")
    assert normalize(f"{segment}/x").split("/") == [segment, "x"]
