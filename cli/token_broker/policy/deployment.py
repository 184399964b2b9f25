"""What the build can know of the deployment: whether it has the shared table, which `once` needs."""

import os
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from token_broker.stack_file import CHECKOUT

PARAMETER = "SharedCache"


class Unreadable(Exception):
    """A file that says how it is deployed makes no sense."""


def has_shared_table(environment: Mapping[str, str] = os.environ, checkout: Path = CHECKOUT) -> bool:
    """Whether the parameter SharedCache is "yes".

    By the variable SHARED_CACHE, for who gives parameters by hand; else as `sam deploy` finds it: in samconfig.toml,
    else the template's default. Raises Unreadable.
    """
    try:
        said = environment.get("SHARED_CACHE") or _configured(checkout / "samconfig.toml")
        return (said or _default(checkout / "template.yaml")) == "yes"
    except (ValueError, AttributeError, yaml.YAMLError) as error:
        raise Unreadable(f"samconfig.toml or template.yaml: {error}") from error


def _configured(file: Path) -> str | None:
    """https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-config.html"""
    commands = tomllib.loads(file.read_text()).get("default", {}) if file.exists() else {}
    for command in ("deploy", "global"):
        overrides = commands.get(command, {}).get("parameters", {}).get("parameter_overrides", "")
        texts = overrides if isinstance(overrides, list) else [overrides]
        for override in [each for text in texts for each in shlex.split(str(text))]:
            # In full it is ParameterKey=…,ParameterValue=…
            name, _, value = override.removeprefix("ParameterKey=").replace(",ParameterValue=", "=").partition("=")
            if name == PARAMETER:
                return value
    return None


class _Loader(yaml.SafeLoader):
    """Reads a template without its functions."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def _default(file: Path) -> str | None:
    template: Any = yaml.load(file.read_text(), _Loader) if file.exists() else {}  # noqa: S506 - a safe one
    default = template.get("Parameters", {}).get(PARAMETER, {}).get("Default")
    return default if isinstance(default, str) else None
