"""Reads an environment of the deployment from its profile in samconfig.toml and the template's parameters."""

import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CONFIG, TEMPLATE, POLICY = "samconfig.toml", "template.yaml", "policy.yaml"
# The functions with a role of their own, by what the names of their two parameters begin with, and the parameter that
# turns each on. `More` is of the function for callers with a JWT, which is always there.
FUNCTIONS = {"More": None, "Iam": "IamCallers", "Invoke": "InvokeCaller", "Assembly": "AssemblyCaller"}


class Unreadable(Exception):
    """samconfig.toml or template.yaml has a mistake; the message says what to do."""


class NoEnvironment(Unreadable):
    """samconfig.toml has no environment of this name."""


@dataclass(frozen=True, slots=True)
class Environment:
    """`parameters`: all of the template's. If `region` is None, AWS's own configuration decides."""

    name: str
    policy: Path
    stack_name: str
    region: str | None
    parameters: Mapping[str, str]

    @property
    def has_shared_table(self) -> bool:
        return self.parameters.get("SharedCache") == "yes"

    @property
    def secrets(self) -> dict[str, str | None]:
        """The ARN of each credential's secret by the credential's name; None for the secret that the stack makes."""
        named = {name: arn for function in FUNCTIONS for name, arn in _list_pairs(self.parameters, function)}
        return {**named, "default": self.parameters.get("ExistingSecretArn") or None}

    def has(self, function: str) -> bool:
        """Whether the environment has this one of FUNCTIONS."""
        parameter = FUNCTIONS[function]
        return parameter is None or self.parameters.get(parameter, "") not in ("", "no")

    def list_credentials(self, function: str) -> list[str]:
        """The credentials whose secrets the role of this one of FUNCTIONS may read."""
        own = _listed(self.parameters, f"{function}Credentials")
        return ["default", *own] if function == "More" else own or ["default"]


def read_environment(name: str, checkout: Path) -> Environment:
    """Read the environment of this name from the files in `checkout`. Raises Unreadable.

    A profile is a configuration environment of the SAM CLI. Only its table `[NAME.policy]` is ours.
    https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-config.html
    """
    try:
        return _environment(name, _profile(name, checkout / CONFIG), checkout)
    except (OSError, ValueError, AttributeError, TypeError, KeyError, yaml.YAMLError) as error:
        raise Unreadable(f"{CONFIG} or {TEMPLATE}: {error}") from error


def _environment(name: str, profile: Mapping[str, Any], checkout: Path) -> Environment:
    settings: dict[str, Any] = {}
    for command in ("global", "deploy"):
        settings |= profile.get(command, {}).get("parameters", {})
    declared, overrides = (
        _read_parameters(checkout / TEMPLATE),
        dict(_read_overrides(settings.get("parameter_overrides", ""))),
    )
    if unknown := sorted(overrides.keys() - declared.keys()):
        raise Unreadable(f"{CONFIG}: the template has no parameter {', '.join(unknown)}")
    if "stack_name" not in settings:
        raise Unreadable(f"{CONFIG}: add stack_name to [{name}.global.parameters]")
    for parameter, value in overrides.items():
        if wanted := _find_contradiction(declared[parameter], value):
            raise Unreadable(f"{CONFIG}: {parameter}={value} of `{name}`: write {wanted}")
    parameters = {parameter: str(each.get("Default", "")) for parameter, each in declared.items()} | overrides
    _check_credentials(name, parameters)
    policy = checkout / profile.get("policy", {}).get("file", POLICY)
    return Environment(name, policy, settings["stack_name"], settings.get("region"), parameters)


def _check_credentials(name: str, parameters: Mapping[str, str]) -> None:
    """Raises Unreadable where credentials and secrets of the environment `name` do not fit together."""
    arns = {"default": parameters["ExistingSecretArn"]} if parameters.get("ExistingSecretArn") else {}
    for function in FUNCTIONS:
        credentials, secrets = f"{function}Credentials", f"{function}SecretArns"
        names = _listed(parameters, credentials)
        if len(names) != len(_listed(parameters, secrets)):
            raise Unreadable(f"{CONFIG}: {credentials} and {secrets} of `{name}` are not of the same length")
        if function == "More" and "default" in names:
            raise Unreadable(f"{CONFIG}: {credentials} of `{name}` has `default`, which has a secret already")
        if len(set(names)) < len(names):
            raise Unreadable(f"{CONFIG}: {credentials} of `{name}` has a name twice")
        for credential, arn in _list_pairs(parameters, function):
            # The functions would mint with two Auth Keys under one name, which audit records could not tell apart.
            if arns.setdefault(credential, arn) != arn:
                raise Unreadable(f"{CONFIG}: `{credential}` of `{name}` has two secrets; {secrets} has the second")


def _list_pairs(parameters: Mapping[str, str], function: str) -> list[tuple[str, str]]:
    names, arns = _listed(parameters, f"{function}Credentials"), _listed(parameters, f"{function}SecretArns")
    return list(zip(names, arns, strict=True))


def _listed(parameters: Mapping[str, str], name: str) -> list[str]:
    return [each for each in parameters.get(name, "").split(",") if each]


def _profile(name: str, file: Path) -> Mapping[str, Any]:
    profiles = tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
    profiles.pop("version", None)
    if name not in profiles:
        raise NoEnvironment(
            f"{CONFIG} has no environment `{name}`; it has {', '.join(profiles) or 'none yet'}. "
            "samconfig.example.toml shows how to write one, and `make deploy` in a terminal asks and writes it"
        )
    return dict(profiles[name])


def _read_overrides(settings: Any) -> Iterator[tuple[str, str]]:
    """The pairs of `parameter_overrides`, which SAM accepts as one text or as a list of texts."""
    for text in settings if isinstance(settings, list) else [settings]:
        for override in shlex.split(str(text)):
            # The long form is ParameterKey=…,ParameterValue=…
            short = override.removeprefix("ParameterKey=").replace(",ParameterValue=", "=")
            name, equals, value = short.partition("=")
            if not equals:
                raise ValueError(f"parameter_overrides: `{override}` is not NAME=VALUE")
            yield name, value


class _Loader(yaml.SafeLoader):
    """Reads a template and ignores functions such as `!Ref`."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def _read_parameters(file: Path) -> dict[str, Mapping[str, Any]]:
    """The template's parameters by name."""
    template: Any = yaml.load(file.read_text("utf-8"), _Loader)  # noqa: S506 - a safe one
    return dict(template["Parameters"])


def _find_contradiction(declared: Mapping[str, Any], value: str) -> str | None:
    """Describe the value that CloudFormation demands instead, or None if it accepts this one.

    CloudFormation itself would say so only minutes later.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    """
    allowed = [str(each) for each in declared.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return f"one of {', '.join(allowed)}"
    pattern = declared.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(pattern, value):
        return str(declared.get("ConstraintDescription", pattern))
    return None
