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
        more = zip(_listed(self.parameters, "MoreCredentials"), _listed(self.parameters, "MoreSecretArns"), strict=True)
        return {"default": self.parameters.get("ExistingSecretArn") or None, **dict(more)}


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
    credentials, arns = _listed(parameters, "MoreCredentials"), _listed(parameters, "MoreSecretArns")
    if len(credentials) != len(arns):
        raise Unreadable(f"{CONFIG}: MoreCredentials and MoreSecretArns of `{name}` are not of the same length")
    if len({"default", *credentials}) <= len(credentials):
        raise Unreadable(f"{CONFIG}: MoreCredentials of `{name}` has a name twice, or `default`, which has a secret")
    policy = checkout / profile.get("policy", {}).get("file", POLICY)
    return Environment(name, policy, settings["stack_name"], settings.get("region"), parameters)


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
