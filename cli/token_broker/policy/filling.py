"""Fills the presets of issuers and rules into a policy, before the model reads it."""

import re
from collections.abc import Mapping
from typing import Any

from token_broker.names import unknown
from token_broker.policy.document import Path
from token_broker.policy.presets import PRESETS, RULE_PRESETS, Preset

Problems = list[tuple[Path, str]]


def fill_presets(value: Any) -> tuple[Any, Problems]:
    """Fill each preset into the document. Returns the document, and the mistakes in the use of presets.

    A value of the policy wins over that of an issuer's preset, whose requirements are added to those of the policy.
    """
    if not isinstance(value, dict):
        return value, []
    filled, problems = dict(value), Problems()

    def note(part: str, key: str | int, result: tuple[Any, Problems]) -> Any:
        problems.extend(((part, key, *path), message) for path, message in result[1])
        return result[0]

    issuers, rules = value.get("issuers"), value.get("rules")
    if isinstance(issuers, dict):
        filled["issuers"] = {name: note("issuers", name, _fill_issuer(entry)) for name, entry in issuers.items()}
    if isinstance(rules, list):
        filled["rules"] = [note("rules", place, _fill_rule(entry)) for place, entry in enumerate(rules)]
    return filled, problems


def _fill_rule(rule: Any) -> tuple[Any, Problems]:
    """The rule with the scopes that its preset stands for."""
    if not isinstance(rule, dict) or "preset" not in rule:
        return rule, []
    scopes = RULE_PRESETS.get(str(rule["preset"]))
    if scopes is None:
        return {**rule, "preset": None}, [(("preset",), unknown("preset of a rule", str(rule["preset"]), RULE_PRESETS))]
    if "scopes" in rule:
        # A reader of the rule would take the one or the other for all that it gives.
        message = f"`preset: {rule['preset']}` stands for scopes; keep the one or the other"
        return rule, [(("scopes",), message)]
    return {**rule, "scopes": list(scopes)}, []


def _fill_issuer(issuer: Any) -> tuple[Any, Problems]:
    if not isinstance(issuer, dict) or "preset" not in issuer:
        return issuer, []
    preset = PRESETS.get(str(issuer["preset"]))
    if preset is None:
        return {**issuer, "preset": None}, [(("preset",), unknown("preset", str(issuer["preset"]), PRESETS))]
    url = issuer.get("issuer", preset.issuer)
    defaults = {
        "issuer": preset.issuer,
        "algorithms": list(preset.algorithms),
        "keys": _choose_keys(preset, url),
        "audience_claim": preset.audience_claim,
        "subject_claim": preset.subject_claim,
    }
    # The preset's requirements are made for its own issuers. With another issuer they may mean nothing.
    problems = Problems()
    if isinstance(url, str) and not re.fullmatch(preset.shape, url, re.ASCII):
        problems.append((("issuer",), f"not an issuer of {preset.title}; it looks like {preset.example}"))
    merged = {name: text for name, text in defaults.items() if text is not None} | issuer
    wanted = issuer.get("require")
    # The model refuses a `require` that is not a mapping. Until then nothing may remove the preset's requirements.
    if wanted is None or isinstance(wanted, dict):
        merged["require"], problem = _merge(_choose_requirements(preset, issuer), wanted or {}, preset.named)
        problems += problem
    return {name: item for name, item in merged.items() if name != "require" or item != {}}, problems


def _merge(
    required: Mapping[str, Any], own: Mapping[str, Any], named: frozenset[str]
) -> tuple[dict[str, Any], Problems]:
    """Merge the preset's requirements and the policy's. The policy may only name values of the `named` claims."""
    # A policy that overwrote a requirement, such as the kind of the token, would lose the preset's protection.
    problems = Problems()
    for claim in own.keys() & required.keys():
        if claim not in named:
            problems.append((("require", claim), f"the preset requires `{claim}` already; take it out"))
        elif isinstance(own[claim], dict):
            problems.append((("require", claim), f"name the value of `{claim}`, or a list of values"))
    return {**required, **own}, problems


def _choose_requirements(preset: Preset, issuer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The preset's requirements. Clerk's `sid` replaces a missing `aud`, so a policy that uses `aud` needs no `sid`.

    A JWT template of Clerk's can add `aud`.
    """
    has_aud = preset.audience_claim == "azp" and issuer.get("audience_claim") == "aud"
    return {claim: wanted for claim, wanted in preset.require.items() if claim != "sid" or not has_aud}


def _choose_keys(preset: Preset, issuer: Any) -> Any:
    if preset.keys_path is None or not isinstance(issuer, str):
        return "discovery"
    is_path = preset.keys_path.startswith("/")
    return {"url": issuer.rstrip("/") + preset.keys_path if is_path else preset.keys_path}
