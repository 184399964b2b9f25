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
# What stands in the template's outputs until the build knows better.
STAMPS = {"version": "version-unknown-until-built", "policy": "policy-unknown-until-built"}


@dataclass(frozen=True, slots=True)
class Built:
    """What `/health` of this build answers: its version, and the SHA-256 of its compiled policy, hex."""

    version: str
    policy: str


def build(policy: Path, environment: Environment | None) -> Built:
    """Build into .aws-sam/build. Raises BuildFailed; PolicyErrors, also where the environment lacks what it needs.

    The policy is checked first, so that what is wrong with it is told without the words of the SAM CLI around it.
    """
    compile_policy(policy.read_text("utf-8"), os.path.relpath(policy), environment=environment)
    sam.build(BUILT, BUILD_POLICY=str(policy.resolve()), BUILD_ENV=environment.name if environment else "")
    built = Built(__version__, _policy_digest())
    _stamp(BUILT / "template.yaml", built)
    return built


def _policy_digest() -> str:
    """As the functions take it, and of all functions alike."""
    digests = {hashlib.sha256(file.read_bytes()).hexdigest() for file in BUILT.glob("*/policy.json")}
    (digest,) = digests
    return digest


def _stamp(template: Path, built: Built) -> None:
    """Write version and policy into the outputs, so that the stack tells what it runs, whichever build it came from."""
    text = template.read_text("utf-8")
    for name, value in (("version", built.version), ("policy", built.policy)):
        text = text.replace(STAMPS[name], value)
    template.write_text(text, "utf-8")


def described(built: Built, policy: Path, environment: Environment | None) -> str:
    """What was built, for people: the policy that is in the artifact, and whom it trusts."""
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
        sys.stdout.write(described(built, policy, environment))
    except (Unreadable, PolicyErrors, BuildFailed, OSError, UnicodeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
