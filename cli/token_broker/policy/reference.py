"""The JSON Schema and the reference page of the trust policy, both made from its typed model.

python -m token_broker.policy.reference FOLDER
"""

import json
import sys
from pathlib import Path
from typing import Any

from token_broker.policy.lint import CODES
from token_broker.policy.model import TrustPolicy
from token_broker.policy.presets import PRESETS, RULE_PRESETS, Preset
from token_broker.policy.values import UNITS

SCHEMA, PAGE = "policy.schema.json", "policy-reference.md"
_OF_PRESET = ["algorithms", "issuer", "keys"]  # required keys that a preset can supply
_TITLES = {
    "TrustPolicy": "The file",
    "Credential": "A credential",
    "Issuer": "An issuer",
    "ScopeRule": "A rule for bearer tokens",
    "SignRule": "A rule for signatures",
    "AssembleRule": "A rule for Assemblies",
    "Sign": "What a rule signs",
    "Assembly": "An Assembly that a rule signs",
    "SmartCdn": "Smart CDN URLs",
    "Storage": "A Storage grant",
    "MadeAssembly": "An Assembly that a rule has made",
    "Matcher": "A condition's matchers",
    "Case": "A test",
    "Expected": "Scopes that a test expects",
    "SignNames": "Signatures that a test expects, in `sign`",
    "ExpectedAssemblies": "Assemblies that a test expects",
}


def schema() -> dict[str, Any]:
    """The JSON Schema for editors. The compiler checks more than a schema can."""
    document = TrustPolicy.model_json_schema(by_alias=True)
    issuer = document["$defs"]["Issuer"]
    issuer["required"] = [name for name in issuer["required"] if name not in _OF_PRESET]
    issuer["anyOf"] = [{"required": ["preset"]}, {"required": _OF_PRESET}]
    issuer["properties"]["preset"] = {
        "enum": list(PRESETS),
        "description": issuer["properties"]["preset"]["description"],
    }
    rule = document["$defs"]["ScopeRule"]
    rule["required"] = [name for name in rule["required"] if name != "scopes"]
    rule["oneOf"] = [{"required": ["preset"]}, {"required": ["scopes"]}]
    rule["properties"]["preset"] = {
        "enum": list(RULE_PRESETS),
        "description": rule["properties"]["preset"]["description"],
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, "title": "Trust policy"}
    return head | {name: value for name, value in document.items() if name != "title"}


def page() -> str:
    """Every key, every preset and every opinion, as tables."""
    document = schema()
    parts = [
        "# Reference of the trust policy",
        "",
        "Made from the typed model by `make docs`; [policy.md](policy.md) explains.",
        "",
    ]
    for name, title in _TITLES.items():
        described = document if name == "TrustPolicy" else document["$defs"][name]
        parts += [f"## {title}", "", "| key | | default |", "|---|---|---|"]
        parts += [_row(key, field, described.get("required", [])) for key, field in described["properties"].items()]
        parts.append("")
    tables = {"Presets": _presets(), "Presets of rules": _rule_presets(), "Opinions of the linter": _opinions()}
    for title, rows in tables.items():
        parts += [f"## {title}", "", *rows, ""]
    return "\n".join(parts)


def _row(key: str, field: dict[str, Any], required: list[str]) -> str:
    default = "required" if key in required else _shown(field.get("default"))
    return f"| `{key}` | {field.get('description', '')} | {default} |"


def _shown(default: Any) -> str:
    if default in (None, {}, []):
        return ""
    written = json.dumps(default) if isinstance(default, bool) or not isinstance(default, int) else _duration(default)
    return f"`{written}`".replace('"', "")


def _duration(seconds: int) -> str:
    unit, length = next((unit, length) for unit, length in UNITS.items() if seconds % length == 0)
    return f"{seconds // length}{unit}"


def _presets() -> list[str]:
    rows = [f"| `{name}` | [{preset.title}]({preset.source}) | {_says(preset)} |" for name, preset in PRESETS.items()]
    return ["| preset | for | what it says |", "|---|---|---|", *rows]


def _rule_presets() -> list[str]:
    rows = [f"| `{name}` | {', '.join(f'`{scope}`' for scope in scopes)} |" for name, scopes in RULE_PRESETS.items()]
    return ["| preset | scopes |", "|---|---|", *rows]


def _says(preset: Preset) -> str:
    parts = [f"issuer `{preset.issuer}`" if preset.issuer else f"issuer like `{preset.example}`"]
    parts.append("algorithms " + ", ".join(preset.algorithms))
    parts.append("keys by discovery" if preset.keys_path is None else f"keys at `{preset.keys_path}`")
    if preset.audience_claim != "aud":
        parts.append(f"audience in `{preset.audience_claim}`")
    if preset.subject_claim != "sub":
        parts.append(f"subject in `{preset.subject_claim}`")
    if preset.require:
        parts.append(
            "requires " + ", ".join(f"`{claim}: {json.dumps(value)}`" for claim, value in preset.require.items())
        )
    if preset.text_claims:
        parts.append("texts, not numbers: " + ", ".join(f"`{claim}`" for claim in sorted(preset.text_claims)))
    return "; ".join(parts)


def _opinions() -> list[str]:
    rows = [
        f"| `{code}` | {'error' if is_grave else 'warning'} | {about} |" for code, (is_grave, about) in CODES.items()
    ]
    return ["| code | | what it is about |", "|---|---|---|", *rows]


def files() -> dict[str, str]:
    return {SCHEMA: json.dumps(schema(), indent=2) + "\n", PAGE: page()}


if __name__ == "__main__":
    for name, text in files().items():
        (Path(sys.argv[1]) / name).write_text(text, "utf-8")
