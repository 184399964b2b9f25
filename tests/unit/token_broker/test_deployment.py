"""Whether the deployment has the shared table, as the build learns it."""

from pathlib import Path

import pytest
from token_broker.policy.deployment import Unreadable, has_shared_table
from token_broker.stack_file import CHECKOUT

TEMPLATE = 'Parameters:\n  SharedCache:\n    Default: "{}"\nResources:\n  Api: !Ref Other\n'


def checkout(folder: Path, overrides: str | None = None, default: str = "no", command: str = "deploy") -> Path:
    (folder / "template.yaml").write_text(TEMPLATE.format(default))
    if overrides is not None:
        config = f"version = 0.1\n[default.{command}.parameters]\nparameter_overrides = {overrides}\n"
        (folder / "samconfig.toml").write_text(config)
    return folder


@pytest.mark.parametrize(
    ("overrides", "has"),
    [
        ('"SharedCache=yes"', True),
        ('"SecretName=a SharedCache=yes MemorySize=512"', True),
        ('\'SecretName="a b" SharedCache="yes"\'', True),
        ('["SecretName=a", "SharedCache=yes"]', True),
        ('"ParameterKey=SharedCache,ParameterValue=yes"', True),
        ('"SharedCache=no"', False),
        ('"NoSharedCache=yes"', None),
        ("'SecretName=\"a SharedCache=yes\"'", None),
        ('""', None),
        (None, None),
    ],
)
@pytest.mark.parametrize("default", ["yes", "no"])
def test_samconfig_tells_else_the_template(
    tmp_path: Path, overrides: str | None, has: bool | None, default: str
) -> None:
    expected = default == "yes" if has is None else has
    assert has_shared_table({}, checkout(tmp_path, overrides, default)) == expected


def test_global_parameters_count_too(tmp_path: Path) -> None:
    assert has_shared_table({}, checkout(tmp_path, '"SharedCache=yes"', command="global"))


@pytest.mark.parametrize(("said", "has"), [("yes", True), ("no", False), ("true", False), ("", True)])
def test_who_gives_parameters_by_hand_says_so_by_a_variable(tmp_path: Path, said: str, has: bool) -> None:
    assert has_shared_table({"SHARED_CACHE": said}, checkout(tmp_path, '"SharedCache=yes"')) == has


def test_without_any_file_there_is_none(tmp_path: Path) -> None:
    assert not has_shared_table({}, tmp_path)


def test_this_checkout_has_none_unless_told() -> None:
    assert not has_shared_table({}, CHECKOUT)


@pytest.mark.parametrize("text", ["no toml", "default = 5", '[default.deploy.parameters]\nparameter_overrides = "\'"'])
def test_a_file_that_makes_no_sense_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "samconfig.toml").write_text(text)
    with pytest.raises(Unreadable, match=r"samconfig\.toml"):
        has_shared_table({}, tmp_path)
