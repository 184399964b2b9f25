"""Mistakes in rules that assemble: each reported at its place, with what to do."""

from pathlib import Path
from typing import Any

import pytest
from token_broker.deployment import Environment
from token_broker.policy.compiler import compile_policy
from token_broker.policy.document import PolicyErrors

from tests.unit.token_broker.test_assemble_compiler import ENCODE, SHORT, document, rule
from tests.unit.token_broker.test_sign_checks import SAME
from tests.unit.token_broker.test_sign_compiler import ASSEMBLY, CREDENTIALS, SITE, STORAGE
from tests.unit.token_broker.test_sign_compiler import rule as sign_rule

ONE_THING = "a rule gives one thing: `scopes`, `sign` or `assemble`; write a rule for each"


def errors(*rules: dict[str, Any], **more: Any) -> str:
    with pytest.raises(PolicyErrors) as caught:
        compile_policy(document(*rules, **more), "p.yaml")
    return str(caught.value)


def errors_in(environment: dict[str, str], *rules: dict[str, Any]) -> str:
    """The errors for an environment of these parameters; empty if there are none."""
    prod = Environment("prod", Path("p.yaml"), "broker", None, PICTURES | environment)
    try:
        compile_policy(document(*rules, credentials={"pictures": {"workspace": "acme"}}), "p.yaml", environment=prod)
    except PolicyErrors as found:
        return str(found)
    return ""


PICTURES = {"MoreCredentials": "pictures", "MoreSecretArns": "arn:1"}
READS_PICTURES = {"AssemblyCredentials": "pictures", "AssemblySecretArns": "arn:1"}


def encode(**changes: Any) -> dict[str, Any]:
    return rule({"encode": ENCODE | changes})


def pinned(*pieces: Any) -> dict[str, Any]:
    return encode(steps={"exported": {"path": list(pieces)}})


@pytest.mark.parametrize(
    ("wrong", "reported"),
    [
        (rule({}), "`assemble` must not be empty"),
        (rule({}) | {"assemble": None}, "`assemble` is empty"),
        (rule({"a/b": SHORT}), "at most 64 letters, digits and _.-"),
        (rule({"encode": {}}), "`template_id` is missing"),
        (
            encode() | {"scopes": ["read"]},
            "a rule gives one thing: `scopes`, `sign` or `assemble`; write a rule for each",
        ),
        (encode() | {"sign": {}}, ONE_THING),
        (encode() | {"aud": ["api2"]}, "`aud` does not belong here"),
        (encode() | {"share": "caller"}, "`share` does not belong here"),
        (encode(expires="5m"), "`expires` does not belong here"),
        (encode(notfy="states"), "unknown key `notfy`; did you mean `notify`?"),
        (encode(template_id="encode"), "`template_id`: the id of a Template, 32 hexadecimal digits: the status of an"),
        (encode(template_id="0" * 31), "`template_id`: the id of a Template, 32 hexadecimal digits"),
        (encode(template_id="F" * 32), "`template_id`: the id of a Template, 32 hexadecimal digits"),
        (encode(template_id="builtin/encode@1"), "`template_id`: the id of a Template, 32 hexadecimal digits"),
        (encode(max_size={"none": "films are large"}), "2GB, or leave it out for no limit"),
        (encode(max_size="100MiB"), "write a size such as 500KB, 100MB or 2GB, or leave it out"),
        (encode(max_number_of_files=0), "`max_number_of_files` is out of range"),
        (encode(notify="sns"), "`notify` must be 'durable' or 'states'"),
        (encode(output="id"), "`output` must be 'none'"),
        (encode(fields={"key": {"claim": "sub"}}), "write the text itself, or pin the claim in `steps`: {<step>:"),
        (encode(fields={"key": {"caller": False}}), "`caller` must be true, for a field"),
        (encode(fields={"a.b": {"caller": True}}), "a field's name has at most 64 letters, digits and _-"),
        (encode(steps={"exported": {}}), "`exported` must not be empty"),
        (pinned("${fields.key}"), "`${fields.…}` is written by the caller; use {claim: …} or a text"),
        (pinned("${", {"claim": "sub"}, "}"), "a claim within `${…}` would be run as code"),
        (pinned("x/", {"claim": "account"}), "callers of `invoke` have no claim `account`; one of sub"),
        (encode() | {"when": {"account": "1"}}, "callers of `invoke` have no claim `account`; one of sub"),
        (encode() | {"when": {}}, "`when` must not be empty"),
        (encode() | {"issuer": "aws-iam", "when": {"account": "123456789012", "role": "r"}}, "write `issuer: invoke`"),
        (encode() | {"credential": "unknown"}, "no credential `unknown`"),
    ],
)
def test_a_mistake_in_a_rule_that_assembles_is_reported_with_what_to_do(wrong: dict[str, Any], reported: str) -> None:
    assert reported in errors(wrong)


def test_a_caller_with_a_jwt_has_no_assemblies_made() -> None:
    wrong = encode() | {"issuer": "site", "when": {"groups": {"any": ["editors"]}}}
    reported = errors(wrong, issuers={"site": SITE})
    assert "Assemblies are made for those alone who invoke the Assembly function: write `issuer: invoke`" in reported


def test_an_issuer_other_than_invoke_is_reported_at_its_line_and_column() -> None:
    text = """version: 1
credentials: {default: {workspace: acme}}
issuers: {}
rules:
  - name: one
    issuer: aws-iam
    when: {account: "123456789012", role: r}
    assemble: {encode: {template_id: 0123456789abcdef0123456789abcdef}}
"""
    with pytest.raises(PolicyErrors) as caught:
        compile_policy(text, "p.yaml")
    assert str(caught.value).startswith("p.yaml:6:13: error: Assemblies are made for those alone who invoke")


def test_an_assembly_needs_the_workspace_of_its_credential() -> None:
    reported = errors(encode(), credentials={"pictures": {}})
    assert "needs the Workspace's name: `pictures: {workspace: …}` in `credentials`" in reported


def test_a_second_definition_of_a_name_for_one_credential_is_refused() -> None:
    other = encode() | {"when": {"sub": "others"}}
    assert "rule `one` has `encode` in `assemble` for this credential; choose another name" in errors(encode(), other)
    assert "another credential" not in errors(encode(), encode())


@pytest.mark.parametrize(
    "wanted", ["originals", ["others", "originals"], {"like": "orig*"}, {"exists": True}, {"not": "others"}], ids=str
)
def test_a_name_of_two_credentials_that_a_request_cannot_tell_apart_is_refused(wanted: Any) -> None:
    credentials = CREDENTIALS | {"shop": {"workspace": "shop"}}
    other = rule({"encode": SHORT}, credential="shop", when={"sub": wanted})
    expected = "rule `one` makes `encode` for the same caller with another credential, and a request names none"
    assert expected in errors(encode(), other, credentials=credentials)
    # Under another name it is good.
    compile_policy(document(encode(), other | {"assemble": {"of-the-shop": SHORT}}, credentials=credentials), "p.yaml")


def test_a_credential_that_signs_assemblies_may_also_have_them_made() -> None:
    """Both want an Auth Key with assemblies:write and nothing else."""
    signs = sign_rule({"assembly": {"avatar": ASSEMBLY}})
    compile_policy(document(signs, encode() | {"credential": "uploads"}, issuers={"site": SITE}), "p.yaml")


def test_a_path_of_an_assembly_that_another_issuer_s_callers_could_reach_is_refused() -> None:
    """A person of the issuer may be named as the caller is."""
    mine = pinned("users/", {"claim": "sub"}, "/${file.id}")
    theirs = sign_rule({"storage": {"own": STORAGE}})
    assert SAME in errors(mine, theirs, issuers={"site": SITE})
    apart = pinned("invoke/", {"claim": "sub"}, "/${file.id}")
    compile_policy(document(apart, theirs, issuers={"site": SITE}), "p.yaml")


@pytest.mark.parametrize("without", [{}, {"AssemblyCaller": ""}], ids=str)
def test_an_environment_without_the_assembly_function_needs_nothing(without: dict[str, str]) -> None:
    everybody = encode() | {"when": {"sub": {"exists": True}}}
    assert errors_in(without, everybody) == ""


@pytest.mark.parametrize(
    "wanted", [{"AssemblyTemplate": "encod"}, {"AssemblyTemplate": "encode", "AssemblyCaller": "others"}], ids=str
)
def test_an_assembly_of_new_objects_that_no_rule_makes_for_the_caller_is_refused(wanted: dict[str, str]) -> None:
    """Otherwise every event would be refused, and that is seen in the dead letters alone."""
    new_objects = {"AssemblyCaller": "originals", "AssemblyTemplate": "encode"} | READS_PICTURES
    assert errors_in(new_objects, encode()) == ""
    reported = errors_in(new_objects | wanted, encode())
    assert "and the environment `prod` wants it for new objects: write one, or change AssemblyCaller or " in reported
