"""`make deploy ENV=NAME`: checks, builds, deploys with the SAM CLI, and waits until the new build answers.

python infra/deploy.py NAME
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import urllib3
from botocore.exceptions import BotoCoreError, ClientError
from token_broker.account import NotLoggedIn, check_login, client, read_outputs
from token_broker.deployment import CONFIG, Environment, NoEnvironment, Unreadable, read_environment
from token_broker.policy.document import PolicyErrors

from infra.build import Built, build, describe
from infra.sam import ROOT, SAM, BuildFailed

ANSWERS_SECONDS = 60.0  # API Gateway and Lambda may take so long until the new version answers everywhere
# An environment's name becomes a part of the stack's name and a table of samconfig.toml, whose `version` is taken.
NAME = re.compile(r"(?!version$)[A-Za-z][A-Za-z0-9-]{0,63}")
Ask = Callable[[str], str]


class NotDeployed(Exception):
    """The deployment failed; the message says what happened and what to do."""


def deploy(environment: Environment) -> None:
    """Deploy to this environment. Raises NotLoggedIn and BuildFailed before anything is changed, and NotDeployed."""
    check_login()
    built = build(environment.policy, environment)
    say(describe(built, environment.policy, environment))
    _sam_deploy(environment)
    outputs = read_outputs(environment)
    compare(outputs["HealthUrl"], built)
    say(f"{environment.name} answers with this version and policy: {outputs['TokenUrl']}\n")
    if not _has_value(environment, outputs["SecretArn"]):
        say(f"Next: .venv/bin/token-broker secret put --env {environment.name}, since the secret has no value yet.\n")


def _sam_deploy(environment: Environment) -> None:
    command: list[str | Path] = [SAM, "deploy", "--config-env", environment.name, "--no-fail-on-empty-changeset"]
    if not sys.stdin.isatty():
        command.append("--no-confirm-changeset")
    if subprocess.run(command, cwd=ROOT, env={**os.environ, "SAM_CLI_TELEMETRY": "0"}, check=False).returncode:
        raise NotDeployed(
            "sam deploy failed, see above; docs/deploy.md, `If a deployment fails`, lists the usual causes"
        )


def compare(health_url: str, built: Built, seconds: float = ANSWERS_SECONDS) -> None:
    """Wait until the deployment answers with this build's version and policy. Raises NotDeployed after `seconds`."""
    ends_at, answer = time.time() + seconds, "nothing"
    while time.time() < ends_at:
        answer = _health(health_url)
        if answer == f"version {built.version}, policy {built.policy}":
            return
        time.sleep(1)
    raise NotDeployed(
        f"deployed, but {health_url} answers {answer}, and version {built.version}, policy {built.policy} was built. "
        "With a domain of your own its DNS record must point to the output DomainTarget first; then deploy again"
    )


def _health(url: str) -> str:
    try:
        answer = urllib3.request("GET", url, timeout=5, retries=False, redirect=False)
        health = json.loads(answer.data)
        return f"version {health['version']}, policy {health['policy']}"
    except (urllib3.exceptions.HTTPError, ValueError, KeyError, TypeError) as error:
        return f"nothing of use ({type(error).__name__})"


def _has_value(environment: Environment, secret: str) -> bool:
    """Whether the secret has a current value. The value itself is not read."""
    versions = client("secretsmanager", environment).describe_secret(SecretId=secret).get("VersionIdsToStages", {})
    return any("AWSCURRENT" in stages for stages in versions.values())


def ask_for_profile(name: str, ask: Ask) -> str:
    """Ask five questions, and return the text of a new profile. Enter takes the value in brackets."""
    region = ask("AWS Region [eu-central-1]: ") or "eu-central-1"
    policy = ask("Trust policy of this environment [policy.yaml]: ") or "policy.yaml"
    overrides = {
        "AllowedOrigins": ask("Origins of pages that may call it, separated by commas [none]: "),
        "DomainName": (domain := ask("Domain of your own, such as tokens.example.com [none]: ")),
        "CertificateArn": ask("ARN of its certificate in ACM, in the same Region: ") if domain else "",
        "PageTopicArn": ask("ARN of the SNS topic for alarms that cannot wait [none]: "),
    }
    # The SAM CLI ends a value at the first space.
    pairs = [f"{parameter}={''.join(value.split())}" for parameter, value in overrides.items() if value]
    return f"""
[{name}.global.parameters]
stack_name = "transloadit-token-broker-{name}"
region = {json.dumps(region)}

[{name}.policy]
file = {json.dumps(policy)}

[{name}.deploy.parameters]
capabilities = "CAPABILITY_IAM"
resolve_s3 = true
confirm_changeset = true
parameter_overrides = {json.dumps(pairs)}
"""


def _environment(name: str) -> Environment:
    """Read the environment from samconfig.toml; in a terminal, ask for a missing one. Raises Unreadable."""
    try:
        return read_environment(name, ROOT)
    except NoEnvironment:
        if not sys.stdin.isatty():
            raise
    if not NAME.fullmatch(name):
        raise Unreadable(f"`{name}`: an environment's name has letters, digits and hyphens, at most 64, such as prod")
    say(f"{CONFIG} has no environment `{name}` yet. Five questions, and it has:\n")
    profile, file = ask_for_profile(name, input), ROOT / CONFIG
    text = file.read_text("utf-8") if file.exists() else "version = 0.1\n"
    file.write_text(text + profile, "utf-8")
    return read_environment(name, ROOT)


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", help="an environment of samconfig.toml")
    name = parser.parse_args().name
    if not name:
        sys.stderr.write("say which environment: make deploy ENV=dev\n")
        return 1
    try:
        deploy(_environment(name))
    except (
        Unreadable,
        PolicyErrors,
        NotLoggedIn,
        BuildFailed,
        NotDeployed,
        BotoCoreError,
        ClientError,
        OSError,
    ) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except (KeyboardInterrupt, EOFError):
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
