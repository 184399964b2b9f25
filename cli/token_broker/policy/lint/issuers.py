"""Opinions on the issuers themselves: presets, their keys, and how a JWT shows that it is meant for the broker."""

import re
from urllib.parse import urlsplit

from token_broker.policy import presets
from token_broker.policy.document import Path
from token_broker.policy.lint.codes import Opinion, Opinions
from token_broker.policy.lint.facts import facts_of_issuer
from token_broker.policy.model import Issuer, KeyUrl
from token_broker.policy.presets import PRESETS

_MONTH = 31 * 86_400  # seconds
# The issuer of a cluster is often not reachable, and its keys are published elsewhere.
_KEYS_ANYWHERE = {"kubernetes"}


def of_issuer(path: Path, name: str, issuer: Issuer, *, is_trusted: bool) -> Opinions:
    """The opinions on one entry. `is_trusted`: whether a rule names it."""
    if not is_trusted:
        yield Opinion("unused-issuer", path, f"no rule trusts `{name}`; write one, or take it out")
    facts = facts_of_issuer(issuer)
    if issuer.once and facts.end_users:
        message = "a page shows its user's JWT until it expires; with `once` each token needs a new sign-in or refresh"
        yield Opinion("end-user-once", (*path, "once"), message)
    if issuer.audience_claim != "aud":
        yield Opinion(
            "replayable",
            (*path, "audiences"),
            f"with `{issuer.audience_claim}` as audience, every API that receives the JWT can use it here",
        )
    for place, audience in enumerate(issuer.audiences):
        if re.fullmatch(facts.audiences, audience):
            message = (
                f"every API that receives a JWT for `{audience}` can use it here; use an audience of the broker's own"
            )
            yield Opinion("replayable", (*path, "audiences", place), message)
    if issuer.max_age is not None and issuer.max_age > _MONTH:
        message = "JWTs live for minutes or hours, so this limits nothing; write 1h, or leave it out"
        yield Opinion("idle-max-age", (*path, "max_age"), message)
    yield from _preset(path, issuer)


def _preset(path: Path, issuer: Issuer) -> Opinions:
    known = presets.find_presets(issuer.issuer)
    if known and issuer.preset not in known:
        message = (
            f"write `preset: {' or '.join(known)}`: it requires what tells this issuer's kinds of token apart, "
            "and who may be behind them"
        )
        yield Opinion("use-preset", (*path, "issuer"), message)
    if issuer.preset is None:
        return
    if isinstance(issuer.keys, KeyUrl) and issuer.preset not in _KEYS_ANYWHERE and not _is_own(issuer):
        message = f"the owner of {issuer.keys.url} could sign for every caller of {issuer.issuer}; take `keys` out"
        yield Opinion("preset-keys", (*path, "keys"), message)


def _is_own(issuer: Issuer) -> bool:
    """Whether the keys are those of the preset, or at the issuer's own origin."""
    assert isinstance(issuer.keys, KeyUrl)
    keys_path = PRESETS[issuer.preset or ""].keys_path
    return issuer.keys.url == keys_path or urlsplit(issuer.keys.url)[:2] == urlsplit(issuer.issuer)[:2]
