"""Continuous integration: whether a rule names immutable ids, and a branch, tag or environment.

Anyone who may push to a repository can make branches, tags and pull requests of any name. So a rule needs a gate: an
exact ref, or a pattern with a literal part. `refs/heads/**` matches every branch.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from token_broker.policy.document import Path
from token_broker.policy.lint import claims
from token_broker.policy.lint.claims import Demand, Pattern
from token_broker.policy.lint.codes import Opinion, Opinions

_REF = re.compile(r"refs/(heads|tags)/[^*]*[^\W_][^\n]*")
_NAME = re.compile(r"[^*]*[^\W_][^\n]*")  # of a branch or tag: something literal before the first star
# `v*` and `release-*` name a series, as `release/*` does. `main*` is no gate: anyone who may not push to main can make
# `main2`.
_SERIES = re.compile(r"([^\n]*[-._/])?v?\*{1,2}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REFS = ("ref", "ref_path", "build_branch", "build_tag")
_IDS = ("repository_id", "repository_owner_id", "enterprise_id")
# https://docs.github.com/en/actions/reference/security/oidc, also with a subject made of other claims
_SUBJECT_WITH_ID = re.compile(
    r"repo:[^/*:]+@[0-9]+/[^\n]*|([^*]*:)?(repository|repository_owner|enterprise)_id:[0-9]+(:[^\n]*)?"
)


def github(path: Path, demands: Sequence[Demand]) -> Opinions:
    if not any(_has_id(claims.simplify_path(claim), condition) for _, claim, condition in demands):
        message = "add repository_id or repository_owner_id: a name can be given up and taken by others"
        yield Opinion("github-names", (*path, "when"), message)
    if not any(_gates(_GITHUB, claim, condition) for _, claim, condition in demands):
        message = "name a ref such as refs/heads/main, or an environment: as it is, every branch and pull request may"
        yield Opinion("github-ungated", (*path, "when"), message)


def gitlab(path: Path, demands: Sequence[Demand]) -> Opinions:
    gated = any(_gates(_GITLAB, claim, condition) for _, claim, condition in demands)
    kinds = [
        claims.list_exact(condition) for _, claim, condition in demands if claims.simplify_path(claim) == "ref_type"
    ]
    # Anyone who may push can make a tag called main.
    has_kind = any(len(values) == 1 for values in kinds)
    named = any(
        claims.simplify_path(claim) == "ref" and _all(_is_name, claims.list_texts(condition))
        for _, claim, condition in demands
    )
    if not gated and not (named and has_kind):
        message = (
            "add ref and ref_type, ref_protected or environment: as it is, every branch may"
            if not named
            else 'add ref_type: branch, or ref_protected: "true": a tag can have the name of a branch'
        )
        yield Opinion("gitlab-ungated", (*path, "when"), message)


def _others(gates: dict[str, Callable[[str], bool]], message: str) -> Callable[[Path, Sequence[Demand]], Opinions]:
    def others(path: Path, demands: Sequence[Demand]) -> Opinions:
        if not any(_gates(gates, claim, condition) for _, claim, condition in demands):
            yield Opinion("ungated", (*path, "when"), message)

    return others


def is_series(path: str, pattern: str) -> bool:
    """Whether the star of a pattern on a branch or tag ends a series of names, such as `v*` or `release-*`."""
    return path in _REFS and _SERIES.fullmatch(pattern) is not None


def _has_id(path: str, condition: Any) -> bool:
    if path == "sub":
        return _all(lambda text: _SUBJECT_WITH_ID.fullmatch(text) is not None, claims.list_texts(condition))
    return path in _IDS and bool(claims.list_exact(condition))


def _gates(gates: dict[str, Callable[[str], bool]], claim: str, condition: Any) -> bool:
    gate = gates.get(claims.simplify_path(claim))
    return gate is not None and _all(gate, claims.list_texts(condition))


def _all(gate: Callable[[str], bool], texts: list[str]) -> bool:
    """Whether every text is a gate. One that is none lets its callers in, whatever the others are."""
    return bool(texts) and all(map(gate, texts))


def _is_ref(text: str) -> bool:
    return _REF.fullmatch(text) is not None


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def _is_environment(text: str) -> bool:
    return any(map(str.isalnum, text))


def _is_workflow(text: str) -> bool:
    """Whether this is a workflow at a gated ref or commit.

    `acme/**@refs/heads/main` is not: it also matches a branch called `x@refs/heads/main`.
    """
    before, at, ref = text.rpartition("@")
    return bool(at) and "**" not in before and (_is_ref(ref) or _is_commit(ref))


def _is_called_workflow(text: str) -> bool:
    """Whether this names a reusable workflow. Anyone who may push can call one of any repository."""
    return _is_workflow(text) and re.match(r"[^*/]+/[^*/]+/", text) is not None


def _is_commit(text: str) -> bool:
    return _COMMIT.fullmatch(text) is not None


def _is_true(text: str) -> bool:
    return text == "true" and not isinstance(text, Pattern)


def _is_github_subject(text: str) -> bool:
    found = re.fullmatch(r"[^\n]*?(?:^|:)(ref|environment|job_workflow_ref|workflow_ref):([^\n]+)", text)
    return found is not None and _GITHUB[found[1]](found[2])


def _is_gitlab_subject(text: str) -> bool:
    found = re.fullmatch(r"[^\n]*:ref_type:(branch|tag):ref:([^\n]+)|[^\n]*:environment:([^\n]+)", text)
    return found is not None and (_is_name(found[2]) if found[2] else _is_environment(found[3]))


def _is_vercel_subject(text: str) -> bool:
    return _is_environment(text.partition(":environment:")[2])


def _is_buildkite_subject(text: str) -> bool:
    found = re.search(r":ref:([^:\n]+)", text)
    return found is not None and _is_ref(found[1])


_GITHUB: dict[str, Callable[[str], bool]] = {
    "ref": _is_ref,
    "environment": _is_environment,
    "ref_protected": _is_true,
    "job_workflow_ref": _is_called_workflow,
    "workflow_ref": _is_workflow,
    "sha": _is_commit,
    "workflow_sha": _is_commit,
    "job_workflow_sha": _is_commit,
    "sub": _is_github_subject,
}
_GITLAB: dict[str, Callable[[str], bool]] = {
    "ref_protected": _is_true,
    "ref_path": _is_ref,
    "environment": _is_environment,
    "environment_protected": _is_true,
    "ci_config_ref_uri": _is_workflow,
    "sha": _is_commit,
    "sub": _is_gitlab_subject,
}
# A preview can be of any branch: https://vercel.com/docs/oidc/reference
_VERCEL: dict[str, Callable[[str], bool]] = {"environment": _is_environment, "sub": _is_vercel_subject}
# https://buildkite.com/docs/agent/cli/reference/oidc
_BUILDKITE: dict[str, Callable[[str], bool]] = {
    "build_branch": _is_name,
    "build_tag": _is_name,
    "build_commit": _is_commit,
    "sub": _is_buildkite_subject,
}
GATES: dict[str, Callable[[Path, Sequence[Demand]], Opinions]] = {
    "github": github,
    "gitlab": gitlab,
    "vercel": _others(_VERCEL, "name an environment such as production: as it is, previews of every branch pass"),
    "buildkite": _others(_BUILDKITE, "add build_branch or build_tag: as it is, every branch may"),
}
