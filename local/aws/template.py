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

from local.aws.account import ACCOUNT, REGION, STACK, make_arn, make_queue_url, make_secret_arn

_PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": STACK,
}
_NO_VALUE: Any = object()

Resources = dict[str, Any]
# What `Ref` of a resource stands for, and its ARN, by the resource's type: names that are known before it is made.
_REFERENCES: dict[str, Callable[[str, Mapping[str, Any]], tuple[str, str]]] = {
    "AWS::DynamoDB::Table": lambda name, _: (name, make_arn("dynamodb", f"table/{name}")),
    "AWS::IAM::Role": lambda name, _: (name, f"arn:aws:iam::{ACCOUNT}:role/{name}"),
    "AWS::Lambda::Function": lambda name, _: (name, make_arn("lambda", f"function:{name}")),
    "AWS::SecretsManager::Secret": lambda name, of: (make_secret_arn(of.get("Name", name)),) * 2,
    "AWS::SQS::Queue": lambda name, _: (make_queue_url(name), make_arn("sqs", name)),
}


def translated(template: Path, parameters: Mapping[str, str], cache: Path) -> Resources:
    """The resources of a SAM template by logical id, as the stack has them; `parameters` replace the defaults.

    A resource has its logical id as its name, except a secret. The translation takes one or two seconds: the folder
    `cache` keeps the result until template or parameters change.
    """
    text = template.read_text()
    key = hashlib.sha256(json.dumps([text, sorted(parameters.items())]).encode()).hexdigest()
    kept = cache / f"translated-{key[:16]}.json"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(f".{hashlib.sha256(str(id(text)).encode()).hexdigest()[:8]}")
        references = _name_references(resources_of(text, parameters))
        unfinished.write_text(json.dumps(sections_of(text, parameters, references)["Resources"]))
        unfinished.replace(kept)
    resources: Resources = json.loads(kept.read_text())
    return resources


def resources_of(text: str, parameters: Mapping[str, str]) -> Resources:
    """The resources of a template's text; each resource and attribute is referred to by its name in the template."""
    return sections_of(text, parameters)["Resources"]


def _name_references(resources: Resources) -> dict[str, str]:
    """What stands for references to these resources: by `Name` what `Ref` gives, and by `Name.Arn` its ARN."""
    found = {}
    for name, entry in resources.items():
        if entry["Type"] in _REFERENCES:
            found[name], found[f"{name}.Arn"] = _REFERENCES[entry["Type"]](name, entry.get("Properties", {}))
    return found


def sections_of(
    text: str, parameters: Mapping[str, str], references: Mapping[str, str] | None = None
) -> dict[str, dict[str, Any]]:
    """The resources and outputs whose condition holds, by section (`Resources`, `Outputs`) and logical id.

    `references`: what stands for the resources and attributes of these names. The others stand for themselves.
    """
    values = {name: each.get("Default") for name, each in yaml_parse(text).get("Parameters", {}).items()}
    values |= parameters
    document = document_of(text, values)
    resolver = _Resolver(values | dict(references or {}), document.get("Conditions", {}))
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
            return _NO_VALUE if argument == "AWS::NoValue" else self._refer(argument)
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
            # An attribute has a value only after the deployment; unless it is known, its name stands for it here.
            "Fn::GetAtt": lambda: self._refer(values if isinstance(values, str) else ".".join(values)),
        }
        if name not in functions:
            raise ValueError(f"the local stack cannot evaluate {name}")
        return functions[name]()

    def _refer(self, name: str) -> Any:
        return self._parameters.get(name, name)

    def _substitute(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})
        values = {**self._parameters, **self.resolve(own)}
        return re.sub(r"\$\{([^}!]+)\}", lambda found: str(values.get(found[1], found[1])), text)
