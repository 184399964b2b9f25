"""`make build`: the artifact to deploy, with one policy, for one environment of samconfig.toml or for none.

python infra/build.py [--env NAME] [--policy FILE]
"""

import argparse
import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from broker import __version__
from token_broker.deployment import Environment, Unreadable, read_environment
from token_broker.policy.compiler import compile_policy
from token_broker.policy.document import PolicyErrors

from infra import sam
from infra.sam import ROOT, BuildFailed

BUILT = ROOT / ".aws-sam" / "build"
# Placeholders in the template's outputs, which the build replaces.
STAMPS = {"version": "version-unknown-until-built", "policy": "policy-unknown-until-built"}


@dataclass(frozen=True, slots=True)
class Built:
    """The version of this build and the SHA-256 (hex) of its compiled policy; `/health` answers with both."""

    version: str
    policy: str


def build(policy: Path, environment: Environment | None) -> Built:
    """Build into .aws-sam/build. Raises BuildFailed; PolicyErrors, also if the policy does not fit the environment.

    The build itself compiles the policy too, but the SAM CLI hides its errors among its own output. So the policy is
    checked first.
    """
    compile_policy(policy.read_text("utf-8"), os.path.relpath(policy), environment=environment)
    sam.build(BUILT, BUILD_POLICY=str(policy.resolve()), BUILD_ENV=environment.name if environment else "")
    built = Built(__version__, _policy_digest())
    _stamp(BUILT / "template.yaml", built)
    return built


def _policy_digest() -> str:
    """The SHA-256 of the compiled policy, computed as the functions do. All functions must have the same policy."""
    digests = {hashlib.sha256(file.read_bytes()).hexdigest() for file in BUILT.glob("*/policy.json")}
    (digest,) = digests
    return digest


def _stamp(template: Path, built: Built) -> None:
    """Write version and policy digest into the template's outputs, so that the stack's outputs say what it runs."""
    text = template.read_text("utf-8")
    for name, value in (("version", built.version), ("policy", built.policy)):
        text = text.replace(STAMPS[name], value)
    template.write_text(text, "utf-8")


def describe(built: Built, policy: Path, environment: Environment | None) -> str:
    """Describe the build for people: the policy in the artifact, and the issuers that it trusts."""
    compiled = json.loads(next(BUILT.glob("*/policy.json")).read_bytes())
    issuers = ", ".join(sorted({entry["issuer"] for entry in compiled["issuers"]})) or "none"
    return (
        f"built {os.path.relpath(policy)} for {environment.name if environment else 'no environment'}\n"
        f"  trusts       {issuers}\n"
        f"  credentials  {', '.join(compiled['credentials'])}\n"
        f"  version      {built.version}\n"
        f"  policy       {built.policy}\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--env", help="the environment of samconfig.toml to build for")
    parser.add_argument("--policy", type=Path, help="the trust policy; default: the environment's, or policy.yaml")
    arguments = parser.parse_args()
    try:
        environment = read_environment(arguments.env, ROOT) if arguments.env else None
        policy = arguments.policy or (environment.policy if environment else ROOT / "policy.yaml")
        built = build(policy, environment)
        sys.stdout.write(describe(built, policy, environment))
    except (Unreadable, PolicyErrors, BuildFailed, OSError, UnicodeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
