"""The template as CloudFormation sees it: SAM's own translator runs, then parameters and conditions are resolved."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from local.aws.account import ACCOUNT, REGION, STACK

_PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": STACK,
}
_NO_VALUE: Any = object()

Resources = dict[str, Any]


def translated(template: Path, parameters: Mapping[str, str], cache: Path) -> Resources:
    """The resources of a SAM template by logical id; `parameters` replace the template's defaults.

    The translation takes one or two seconds. The folder `cache` keeps the result until template or parameters change.
    """
    text = template.read_text()
    key = hashlib.sha256(json.dumps([text, sorted(parameters.items())]).encode()).hexdigest()
    kept = cache / f"translated-{key[:16]}.json"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(f".{hashlib.sha256(str(id(text)).encode()).hexdigest()[:8]}")
        unfinished.write_text(json.dumps(resources_of(text, parameters)))
        unfinished.replace(kept)
    resources: Resources = json.loads(kept.read_text())
    return resources


def resources_of(text: str, parameters: Mapping[str, str]) -> Resources:
    """The same as `translated`, from the template's text and without a cache."""
    return sections_of(text, parameters)["Resources"]


def sections_of(text: str, parameters: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The resources and outputs whose condition holds, by section (`Resources`, `Outputs`) and logical id."""
    values = {name: each.get("Default") for name, each in yaml_parse(text).get("Parameters", {}).items()}
    values |= parameters
    document = document_of(text, values)
    resolver = _Resolver(values, document.get("Conditions", {}))
    return {
        section: {
            name: resolver.resolve(entry)
            for name, entry in document.get(section, {}).items()
            if resolver.holds(entry.get("Condition"))
        }
        for section in ("Resources", "Outputs")
    }


def document_of(text: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The template as SAM hands it to CloudFormation, with `Ref`, `Fn::If` and the like unresolved.

    `values` has a value for each parameter.
    """
    source = yaml_parse(text)
    for resource in source["Resources"].values():
        # The translator accepts only code that has been uploaded.
        if "CodeUri" in resource["Properties"]:
            resource["Properties"]["CodeUri"] = "s3://local/code"
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    document: dict[str, Any] = translator.translate(source, {**values, **_PSEUDO})
    return document


class _Resolver:
    """Evaluates the intrinsic functions whose values are known before deployment."""

    def __init__(self, parameters: Mapping[str, Any], conditions: Mapping[str, Any]) -> None:
        self._parameters = {**parameters, **_PSEUDO}
        self._conditions = conditions

    def holds(self, condition: str | None) -> bool:
        return condition is None or bool(self.resolve(self._conditions[condition]))

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name == "Condition" and isinstance(argument, str):
                return self.holds(argument)
            if name == "Ref" or name.startswith("Fn::"):
                return self._call(name, argument)
        members = {name: self.resolve(item) for name, item in value.items()}
        return {name: item for name, item in members.items() if item is not _NO_VALUE}

    def _call(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return _NO_VALUE if argument == "AWS::NoValue" else self._parameters.get(argument, argument)
        if name == "Fn::If":
            return self.resolve(argument[1] if self.holds(argument[0]) else argument[2])
        if name == "Fn::Sub":
            return self._substitute(argument)
        values = self.resolve(argument)
        functions: dict[str, Callable[[], Any]] = {
            "Fn::Equals": lambda: str(values[0]) == str(values[1]),
            "Fn::Not": lambda: not values[0],
            "Fn::And": lambda: all(values),
            "Fn::Or": lambda: any(values),
            "Fn::Split": lambda: values[1].split(values[0]),
            "Fn::Join": lambda: values[0].join(map(str, values[1])),
            # An attribute has a value only after the deployment; its name stands for it here.
            "Fn::GetAtt": lambda: values if isinstance(values, str) else ".".join(values),
        }
        if name not in functions:
            raise ValueError(f"the local stack cannot evaluate {name}")
        return functions[name]()

    def _substitute(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})
        values = {**self._parameters, **self.resolve(own)}
        return re.sub(r"\$\{([^}!]+)\}", lambda found: str(values.get(found[1], found[1])), text)
