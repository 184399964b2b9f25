"""Checks that the model cannot make: names that must exist, URLs, keys, and that no JWT fits two entries of issuers."""

import itertools
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from broker.base.encoding import read_base64url
from broker.base.net import LOOPBACK
from broker.caller.caller import IAM, INVOKE
from broker.policy import jwk

from token_broker.deployment import Environment
from token_broker.names import unknown
from token_broker.policy.document import Path
from token_broker.policy.lint import CODES, silences
from token_broker.policy.lint.claims import Pattern, alternatives
from token_broker.policy.model import AssembleRule, InlineKeys, Issuer, KeyUrl, Matcher, Rule, TrustPolicy
from token_broker.policy.presets import PRESETS, find_misfits

Found = Iterator[tuple[Path, str]]

MIN_EXPONENT = 65537  # of an inline RSA key; NIST SP 800-56B section 6.2

# Reserved issuers, and the claims of their callers, who have no JWT (docs/aws-callers.md).
RESERVED = {
    IAM: {"sub", "account", "type", "role", "user", "principal_id", "org_id", "session", "cognito"},
    INVOKE: {"sub"},
}


_NO_TABLE = (
    "`once` needs the shared table: put SharedCache=yes into the environment's parameter_overrides in samconfig.toml, "
    "and say for which environment this is, by --env or `make build ENV=…`"
)


def check(policy: TrustPolicy, *, local: bool) -> Found:
    """Each problem, and the path of the value that has it. `local` admits http on this machine."""
    yield from _check_references(policy)
    yield from _check_names(policy)
    for name, issuer in policy.issuers.items():
        yield from _check_issuer(("issuers", name), issuer, local)
        yield from _check_conditions(("issuers", name, "require"), issuer.require or {}, _list_texts(policy, name))
    yield from _check_shared_issuers(policy)
    for place, rule in enumerate(policy.rules):
        yield from _check_conditions(("rules", place, "when"), rule.when, _list_texts(policy, rule.issuer))
    for path, code in silences(policy):
        if code not in CODES:
            yield path, unknown("opinion", code, CODES)


def check_environment(policy: TrustPolicy, environment: Environment | None) -> Found:
    """Each need of the policy that this environment of the deployment lacks. Without one no credential is checked."""
    # Without a table the function cannot know which JWTs were used, so it could not keep the promise of `once`.
    for name, issuer in policy.issuers.items():
        if issuer.once and not (environment and environment.has_shared_table):
            yield ("issuers", name, "once"), _NO_TABLE
    if environment is None:
        return
    for name in policy.credentials:
        if name not in environment.secrets:
            # Of several functions that need it the next check names the others.
            function = min((_find_function(rule) for rule in policy.rules if rule.credential == name), default="More")
            yield ("credentials", name), _say_missing(environment, "has no secret for it", function)
    for place, rule in enumerate(policy.rules):
        function = _find_function(rule)
        is_known = rule.credential in environment.secrets
        if is_known and environment.has(function) and rule.credential not in environment.list_credentials(function):
            message = _say_missing(environment, f"does not let this rule's function read `{rule.credential}`", function)
            yield ("rules", place, "credential"), message


def _find_function(rule: Rule) -> str:
    """Which of the deployment's functions serves the callers of a rule."""
    if isinstance(rule, AssembleRule):
        return "Assembly"
    return {IAM: "Iam", INVOKE: "Invoke"}.get(rule.issuer, "More")


def _say_missing(environment: Environment, problem: str, function: str) -> str:
    parameters = f"add it to {function}Credentials, and its ARN to {function}SecretArns, in samconfig.toml"
    return f"the environment `{environment.name}` {problem}: {parameters}"


def find_variables(path: Path, value: Any) -> Found:
    """Each variable of the local stack that is left in the policy."""
    if isinstance(value, str) and "${" in value:
        yield path, "a variable belongs to the local stack's policy; write the value itself"
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from find_variables((*path, name), item)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from find_variables((*path, place), item)


def _list_texts(policy: TrustPolicy, issuer: str) -> frozenset[str]:
    """The claims of this issuer that are always texts, even if they look like numbers."""
    if issuer in RESERVED:
        return frozenset(RESERVED[issuer] - {"cognito"})
    preset = PRESETS.get(getattr(policy.issuers.get(issuer), "preset", None) or "")
    return preset.text_claims if preset is not None else frozenset()


def _check_references(policy: TrustPolicy) -> Found:
    for place, rule in enumerate(policy.rules):
        if rule.issuer in RESERVED:
            yield from _check_reserved(("rules", place, "when"), rule.issuer, rule.when)
        elif rule.issuer not in policy.issuers:
            yield ("rules", place, "issuer"), _explain_no_issuer(rule.issuer, policy)
        if rule.credential not in policy.credentials:
            yield ("rules", place, "credential"), unknown("credential", rule.credential, policy.credentials)
    for place, case in enumerate(policy.tests):
        if case.issuer not in {*policy.issuers, *RESERVED}:
            yield ("tests", place, "issuer"), _explain_no_issuer(case.issuer, policy)


def _explain_no_issuer(name: str, policy: TrustPolicy) -> str:
    return unknown("issuer", name, [*policy.issuers, *RESERVED])


def _check_reserved(path: Path, issuer: str, when: dict[str, Any]) -> Found:
    for claim in when.keys() - RESERVED[issuer]:
        known = ", ".join(sorted(RESERVED[issuer]))
        yield (*path, claim), f"callers of `{issuer}` have no claim `{claim}`; one of {known}"
    if issuer == IAM:
        yield from _check_principals(path, when)
    if issuer == IAM and "cognito" in when and not isinstance(when["cognito"], bool):
        yield (*path, "cognito"), "`cognito` is true or false"


# The shape of a pattern on a claim of `aws-iam` that says whose principal it is; None if no pattern can say it, since
# accounts and ids are random.
_OWNER_SHAPES = {
    "sub": re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:.+"),
    "account": None,
    "principal_id": None,
    "role": re.compile(r".*[^\W_]{3}.*"),
    "user": re.compile(r".*[^\W_]{3}.*"),
}


def _check_principals(path: Path, when: dict[str, Any]) -> Found:
    """Refuse conditions that principals of other accounts, or everybody in this one, can fulfil."""
    # Anybody can open an account and make a role of any name in it. So a pattern must not leave the account open.
    for claim in ("sub", "account"):
        for value in (value for values in alternatives(when.get(claim)) for value in values):
            if isinstance(value, Pattern) and not _names_owner(claim, value):
                yield (*path, claim), "write the account's 12 digits; a pattern there fits other people's accounts"
    if not any(
        all(_names_owner(claim, value) for value in values)
        for claim in _OWNER_SHAPES
        for values in alternatives(when.get(claim))
    ):
        yield path, "says not whose role or user; the caller itself chooses the session's name"


def _names_owner(claim: str, value: Any) -> bool:
    if isinstance(value, Pattern):
        wanted = _OWNER_SHAPES[claim]
        return wanted is not None and wanted.fullmatch(value) is not None
    return bool(value)


def _check_names(policy: TrustPolicy) -> Found:
    groups = {"rules": [rule.name for rule in policy.rules], "tests": [case.name for case in policy.tests]}
    for group, names in groups.items():
        seen: set[str] = set()
        for place, name in enumerate(names):
            if name in seen:
                yield (group, place, "name"), f"a second entry named `{name}`; give each a name of its own"
            seen.add(name)
    for name in RESERVED & policy.issuers.keys():
        yield ("issuers", name), f"`{name}` is reserved for callers without a JWT, and needs no entry; choose another"


def _check_issuer(path: Path, issuer: Issuer, local: bool) -> Found:
    if issuer.keys == "discovery":
        yield from _check_url((*path, "issuer"), issuer.issuer, local)
    elif isinstance(issuer.keys, KeyUrl):
        yield from _check_url((*path, "keys", "url"), issuer.keys.url, local)
    elif isinstance(issuer.keys, InlineKeys):
        yield from _check_inline((*path, "keys", "jwks"), issuer)
    # Claims such as `client_id` stand in several kinds of tokens of one issuer. Without a requirement on the kind an id
    # token, which many parties see, would pass for an access token.
    if issuer.audience_claim != "aud" and not issuer.require:
        yield (
            (*path, "audience_claim"),
            "another audience claim needs a `require` that fixes the token's kind, such as {token_use: access}",
        )


def _check_url(path: Path, url: str, local: bool) -> Found:
    try:
        parts = urlsplit(url)
        is_local = local and parts.scheme == "http" and parts.hostname in LOOPBACK
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        yield path, "not a URL"
        return
    if parts.scheme != "https" and not is_local:
        yield path, "must be an https URL"
    # `https://login.example.com@evil.example` is a URL of evil.example, and a reviewer reads the first name.
    elif not parts.hostname or not has_port or "@" in parts.netloc or parts.query or parts.fragment or "\\" in url:
        yield path, "must be a plain URL: no user, query or fragment"


def _check_inline(path: Path, issuer: Issuer) -> Found:
    assert isinstance(issuer.keys, InlineKeys)
    keys = issuer.keys.jwks.get("keys")
    if not isinstance(keys, list) or not keys:
        yield path, "a JWKS has a list `keys` that is not empty (RFC 7517 section 5)"
        return
    if len(keys) > jwk.MAX_KEYS:
        yield path, f"more than {jwk.MAX_KEYS} keys"
    for place, key in enumerate(keys):
        if problem := _explain_key(key, issuer):
            yield (*path, "keys", place), problem


def _explain_key(key: Any, issuer: Issuer) -> str | None:
    try:
        usable = jwk.load(key, issuer.issuer)
    except ValueError as error:
        return f"not a usable public key: {error}"
    if usable.algorithms.isdisjoint(issuer.algorithms):
        return f"fits none of the issuer's algorithms; it verifies {', '.join(sorted(usable.algorithms))}"
    # Forgers fooled careless verifiers whose keys had a small exponent (CVE-2006-4339). A new key costs nothing.
    if key["kty"] == "RSA" and int.from_bytes(read_base64url(key["e"])) < MIN_EXPONENT:
        return f"its exponent is below {MIN_EXPONENT}; make a new key, with `openssl genrsa 3072`"
    return None


def _check_conditions(path: Path, conditions: dict[str, Any], texts: frozenset[str]) -> Found:
    # A number never equals a text, so such a condition would refuse everybody.
    for claim in find_misfits(texts, conditions):
        yield (*path, claim), f"`{claim}` is a text; put the value in quotes"
    for claim in conditions:
        if claim.startswith("/") and re.search(r"~(?![01])", claim):
            yield (*path, claim), "not a JSON pointer: ~ is written ~0, and / inside a name ~1 (RFC 6901 section 3)"
        if not claim:
            yield (*path, claim), "an empty claim name"


def _check_shared_issuers(policy: TrustPolicy) -> Found:
    """Refuse entries of one `issuer` that have different keys, or that could accept the same JWT."""
    # The function fetches one key set for each issuer, and refuses a JWT that fits two entries. Say so at build time.
    for (first, one), (second, other) in itertools.combinations(policy.issuers.items(), 2):
        if one.issuer != other.issuer:
            continue
        if one.keys != other.keys:
            yield ("issuers", second, "keys"), f"`{first}` has the same issuer, so both must have the same keys"
        if not _are_disjoint(one, other):
            yield (
                ("issuers", second, "issuer"),
                f"`{first}` has the same issuer, and one JWT could fit both: give them disjoint audiences, "
                "or let each `require` a different value of one claim",
            )


def _are_disjoint(one: Issuer, other: Issuer) -> bool:
    """Whether no JWT fits both entries."""
    # A JWT may name the audiences of both in its `aud`, but that one the verifier refuses.
    if set(one.audiences).isdisjoint(other.audiences):
        return True
    first, second = one.require or {}, other.require or {}
    return any(_differ(first[claim], second[claim]) for claim in first.keys() & second.keys())


def _differ(one: Any, other: Any) -> bool:
    """Whether a claim can fulfil one of these conditions at most. False if that is not certain."""
    absent = [isinstance(each, Matcher) and each.exists is False for each in (one, other)]
    if any(absent):
        return not all(absent)
    if isinstance(one, (list, Matcher)) or isinstance(other, (list, Matcher)):
        return False
    return isinstance(one, bool) != isinstance(other, bool) or one != other
