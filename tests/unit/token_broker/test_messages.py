"""Messages for a policy's author: the place and what to do, in words of the policy and not of a library."""

import re

import pytest
from token_broker.policy.compiler import compile_policy

from tests.unit.token_broker.test_compiler import changed, errors


@pytest.mark.parametrize(
    ("path", "value", "reported"),
    [
        ("rules.0.scopes", "assemblies:read", "`scopes` must be a list, such as [assemblies:write], or"),
        ("rules.0.scopes", {"any": ["assemblies:read"]}, "`scopes` must be a list, such as [assemblies:write], or"),
        ("issuers.site.keys", "https://a.example/keys", "`keys` must be discovery, {url: "),
        ("issuers.site.keys", ["a"], "`keys` must be discovery, {url: "),
        ("issuers.site.when", {"a": 1}, "`when` does not belong here"),
        ("rules.0.audiences", ["a"], "`audiences` does not belong here"),
        ("issuers.site.keys", {"url": "https://a.example/k", "jwks": {}}, "does not belong here"),
        ("issuers.site.keys", {"url": "http://${X}/jwks"}, "a variable belongs to the local stack's policy"),
        ("issuers.site.audiences", ["${AUDIENCE}"], "a variable belongs to the local stack's policy"),
        ("rules.0.when", {"g": {"not": {"any": ["a"], "all": ["b"]}}}, "`not` takes one matcher"),
        ("issuers.site.issuer", "https://login.example.com\u200b/", "invisible characters"),
        ("issuers.site.audiences", ["a\u00a0b"], "invisible characters"),
        (
            "credentials.default.secret",
            "transloadit/default",
            "belongs to the deployment (SecretName, MoreCredentials,",
        ),
    ],
)
def test_a_mistake_is_reported_in_words_of_the_policy(path: str, value: object, reported: str) -> None:
    message = errors(changed(path, value))
    assert reported in message
    assert "tag" not in message


def test_a_value_of_no_kind_is_reported_once() -> None:
    assert errors(changed("rules.0.when", {"g": [["a"]]})).splitlines() == [
        "p.yaml:17:7: error: `g` must be a text, a number, true or false"
    ]


def test_half_a_surrogate_pair_is_an_error_at_its_place() -> None:
    assert "p.yaml:1:13: error: not YAML: found invalid Unicode character escape" in errors('version: "\\ud800"')


def test_a_fragment_is_refused_with_the_missing_lines_and_accepted_with_them() -> None:
    fragment = "rules: [{name: nightly, issuer: invoke, when: {sub: nightly}, scopes: [queues:read]}]\n"
    reported = errors(fragment)
    lines = re.findall("is missing; add the line `(.*)`", reported)
    assert [line.partition(":")[0] for line in lines] == ["credentials", "version"]
    assert compile_policy("\n".join([*lines, fragment]), "p.yaml").rules == 1
