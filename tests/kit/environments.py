"""A folder with an environment `prod` in samconfig.toml, and the template's parameters that the policy depends on."""

from pathlib import Path

PARAMETERS = ("SharedCache", "ExistingSecretArn", "MoreCredentials", "MoreSecretArns")


def write_environment(folder: Path, overrides: str = "", more: str = "") -> None:
    """`overrides` as in parameter_overrides; `more` is put at the end of samconfig.toml."""
    template = "".join(f"  {name}: {{Default: ''}}\n" for name in PARAMETERS)
    (folder / "template.yaml").write_text(f"Parameters:\n{template}")
    config = f'[prod.global.parameters]\nstack_name = "broker"\nparameter_overrides = "{overrides}"\n{more}'
    (folder / "samconfig.toml").write_text(config)
