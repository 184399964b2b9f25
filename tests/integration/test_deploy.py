"""`make build` and `make deploy` as a person runs them: the real SAM CLI, moto's S3 and Secrets Manager, and a
CloudFormation of the tests' own behind AWS_ENDPOINT_URL.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from token_broker.deployment import read_environment

from infra.build import Built
from infra.deploy import NotDeployed, compare
from local.artifact import ROOT
from tests.kit.cloudformation import BUCKET, CloudFormation, Stack
from tests.kit.servers import serving
from tests.kit.terminals import answered

NEEDED = ["Makefile", "template.yaml", "requirements.txt", "requirements-dev.txt", "pyproject.toml", "policy.yaml"]
# The environment of the tests is ready, and must not be made anew from a copy of the checkout.
MAKE = ("make", "READY=")
PAIR = '{"auth_key": "the-key", "auth_secret": "the-auth-secret"}'
CONFIG = """
version = 0.1
[prod.global.parameters]
stack_name = "broker-prod"
region = "us-east-1"
[prod.policy]
file = "prod.yaml"
[prod.deploy.parameters]
capabilities = "CAPABILITY_IAM"
resolve_s3 = true
confirm_changeset = true
parameter_overrides = ["AllowedOrigins=https://app.example.com,https://b.example.com", "MemorySize=1024"]
"""


@dataclass
class Person:
    """Somebody with a checkout and an AWS account."""

    checkout: Path
    aws: CloudFormation

    @property
    def variables(self) -> dict[str, str]:
        return {
            **os.environ,
            "AWS_CONFIG_FILE": str(self.checkout / "none"),
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
        }

    def make(self, *words: str) -> tuple[int, str]:
        """Exit status, and all that was printed."""
        return self.run(*MAKE, *words)

    def run(self, *command: str, stdin: str = "") -> tuple[int, str]:
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        done = subprocess.run(command, cwd=self.checkout, env=self.variables, input=stdin, check=False, **streams)
        return done.returncode, done.stdout

    def value_of(self, secret: str) -> str:
        return str(self.aws.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])


@pytest.fixture
def person(tmp_path: Path, moto: str) -> Iterator[Person]:
    """With a profile `prod`, whose policy is prod.yaml."""
    for name in NEEDED:
        shutil.copy2(ROOT / name, tmp_path / name)
    for name in ("functions", "infra", "local"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "samconfig.toml").write_text(CONFIG)
    policy = (ROOT / "policy.yaml").read_text().replace("https://login.example.com/", "https://prod.example.com/")
    (tmp_path / "prod.yaml").write_text(policy)
    aws = CloudFormation(moto)
    with serving(aws.app) as url:
        aws.url = url
        aws.client("s3").create_bucket(Bucket=BUCKET)
        yield Person(tmp_path, aws)


def test_an_environment_is_built_deployed_and_seen_to_answer_with_what_was_built(person: Person) -> None:
    status, said = person.make("deploy", "ENV=prod")
    assert status == 0, said
    stack = person.aws.stacks["broker-prod"]
    assert json.loads(stack.policy)["issuers"][0]["issuer"] == "https://prod.example.com/"
    assert (stack.parameters["MemorySize"], stack.parameters["AllowedOrigins"]) == (
        "1024",
        "https://app.example.com,https://b.example.com",
    )
    assert "built prod.yaml for prod\n  trusts       https://prod.example.com/\n" in said
    assert f"policy       {stack.outputs['PolicyDigest']}" in said
    assert f"prod answers with this version and policy: {stack.outputs['TokenUrl']}" in said
    assert said.endswith("Next: .venv/bin/token-broker secret put --env prod, since the secret has no value yet.\n")


@pytest.mark.timeout(300)  # the SAM CLI twice
def test_a_new_environment_is_asked_for_and_a_changed_policy_is_never_deployed_from_an_old_build(
    person: Person,
) -> None:
    questions = [
        ("AWS Region", "us-east-1"),
        ("Trust policy", "dev.yaml"),
        ("Origins of pages", "https://dev.example.com"),
        ("Domain of your own", ""),
        ("SNS topic", ""),
        ("Deploy this changeset?", "y"),
    ]
    shutil.copy2(person.checkout / "policy.yaml", person.checkout / "dev.yaml")
    status, shown = answered(
        [*MAKE, "deploy", "ENV=dev"], questions, folder=person.checkout, variables=person.variables
    )
    assert status == 0, shown
    first = person.aws.stacks["transloadit-token-broker-dev"]
    assert first.parameters["AllowedOrigins"] == "https://dev.example.com"
    policy = person.checkout / "dev.yaml"
    policy.write_text(policy.read_text().replace("max_age: 1h", "max_age: 30m"))
    status, said = person.make("deploy", "ENV=dev")
    assert status == 0, said
    second = person.aws.stacks["transloadit-token-broker-dev"]
    assert second.outputs["PolicyDigest"] != first.outputs["PolicyDigest"]
    assert second.policy != first.policy


WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "no environment named": (("deploy",), "say which environment: make deploy ENV=dev"),
    "an environment that is not there": (("deploy", "ENV=prd"), "no environment `prd`; it has prod"),
    "a policy that is not there": (("build", "POLICY=nowhere.yaml"), "nowhere.yaml"),
    "the local stack's policy": (("build", "POLICY=local/policy.yaml"), "belongs to the local stack's policy"),
}


@pytest.mark.parametrize(("words", "told"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_built_or_deployed_is_told_in_a_line_and_leaves_no_stack(
    person: Person, words: tuple[str, ...], told: str
) -> None:
    status, said = person.make(*words)
    assert status != 0
    assert told in said
    assert "Traceback" not in said
    assert person.aws.stacks == {}


def test_a_credential_without_a_secret_stops_the_deployment_before_anything_is_built(person: Person) -> None:
    policy = person.checkout / "prod.yaml"
    policy.write_text(policy.read_text().replace("credentials:\n", "credentials:\n  shop: {}\n"))
    status, said = person.make("deploy", "ENV=prod")
    assert status != 0
    assert "the environment `prod` has no secret for it" in said
    assert not (person.checkout / ".aws-sam").exists()


def test_make_build_builds_the_policy_that_it_is_told(person: Person) -> None:
    status, said = person.make("build", "POLICY=prod.yaml")
    assert status == 0, said
    built = (person.checkout / ".aws-sam/build/BrokerFunction/policy.json").read_bytes()
    assert b"https://prod.example.com/" in built
    assert hashlib.sha256(built).hexdigest() in said


def test_a_secret_is_put_by_a_prompt_or_from_a_file_and_shown_nowhere(person: Person) -> None:
    arn = person.aws.new_secret()
    person.aws.stacks["broker-prod"] = Stack({}, {}, b"", {"SecretArn": arn})
    put = [".venv/bin/token-broker", "secret", "put", "--env", "prod"]
    typed = [("Auth Key", "the-key"), ("Auth Secret", "the-auth-secret")]
    status, shown = answered(put, typed, folder=person.checkout, variables=person.variables)
    assert status == 0, shown
    assert "the-auth-secret" not in shown
    assert json.loads(person.value_of(arn)) == json.loads(PAIR)
    status, said = person.run(*put, "--file", "-", stdin=PAIR.replace("the-key", "another"))
    assert (status, "the-auth-secret" in said) == (0, False)
    assert json.loads(person.value_of(arn))["auth_key"] == "another"
    status, said = person.run(*put, "--file", "-", stdin='{"auth_key": "k"}')
    assert status == 2
    assert "needs auth_key and auth_secret" in said
    assert json.loads(person.value_of(arn))["auth_key"] == "another"
    status, said = person.run(*put, "--credential", "shop", "--file", "-", stdin=PAIR)
    assert status == 2
    assert "has no credential `shop`; it has default" in said


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"status": "ok", "version": "1", "policy": "old"}, "answers version 1, policy old, and version 1, policy new"),
        ({"status": "ok"}, "answers nothing of use"),
        (["ok"], "answers nothing of use"),
    ],
)
def test_a_deployment_that_answers_with_something_else_than_was_built_has_failed(
    person: Person, answer: Any, told: str
) -> None:
    person.aws.stacks["broker-prod"] = Stack({}, {}, b"", {"Version": "1"})
    person.aws.health = answer
    with pytest.raises(NotDeployed, match=told):
        compare(f"{person.aws.url}/broker/broker-prod/health", Built("1", "new"), seconds=0.1)


def test_a_deployment_that_does_not_answer_names_the_dns_record(person: Person) -> None:
    with pytest.raises(NotDeployed, match=r"nothing of use \(.*DNS record must point to the output DomainTarget"):
        compare("http://127.0.0.1:9/health", Built("1", "new"), seconds=0.1)


def test_the_example_of_a_configuration_has_two_environments_that_can_be_read(tmp_path: Path) -> None:
    shutil.copy2(ROOT / "samconfig.example.toml", tmp_path / "samconfig.toml")
    shutil.copy2(ROOT / "template.yaml", tmp_path)
    dev, prod = (read_environment(name, tmp_path) for name in ("dev", "prod"))
    assert dev.stack_name != prod.stack_name
    assert dev.secrets == {"default": None}
