"""`make build` and `make deploy` as a person runs them: the real SAM CLI, moto's S3 and Secrets Manager, and a
CloudFormation of the tests' own behind AWS_ENDPOINT_URL.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from token_broker.deployment import read_environment

from infra.build import Built
from infra.deploy import NotDeployed, ask_for_profile, compare
from infra.sam import ROOT
from tests.kit.cloudformation import BUCKET, CloudFormation, Stack
from tests.kit.docs import blocks, commands
from tests.kit.servers import serving
from tests.kit.terminals import answer_questions

NEEDED = ["Makefile", "template.yaml", "requirements.txt", "requirements-dev.txt", "pyproject.toml", "policy.yaml"]
QUESTIONS = ("AWS Region", "Trust policy", "Origins of pages", "Domain of your own", "SNS topic")
# The environment of the tests is ready, and must not be made anew from a copy of the checkout.
MAKE = ("make", "READY=")
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/c"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:page"
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
        # A person's shell has neither the variables of `make test` nor make's own.
        made = {"POLICY", "PORT", "WORKERS", "UPSTREAM", "SANDBOX", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
        return {
            **{name: value for name, value in os.environ.items() if name not in made},
            "AWS_CONFIG_FILE": str(self.checkout / "none"),
            "AWS_ENDPOINT_URL": self.aws.url,
            "SAM_CLI_POLL_DELAY": "0.2",  # seconds between two reads of the stack's state; five by default
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

    def answer(self, line: str, answers: list[tuple[str, str]]) -> tuple[int, str]:
        """Run make in a terminal and answer its questions."""
        command = line.replace("make ", "make READY= ").split()
        return answer_questions(command, answers, folder=self.checkout, variables=self.variables)

    def value_of(self, secret: str) -> str:
        self.aws.region = secret.split(":")[3]
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


def test_a_deployment_answers_as_it_was_built_and_a_changed_policy_is_built_before_it_is_deployed(
    person: Person,
) -> None:
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
    policy = person.checkout / "prod.yaml"
    policy.write_text(policy.read_text().replace("max_age: 1h", "max_age: 30m"))
    # If deploy did not build, an old build would deploy the old policy without a warning.
    status, said = person.make("deploy", "ENV=prod")
    assert status == 0, said
    changed = person.aws.stacks["broker-prod"]
    assert changed.outputs["PolicyDigest"] != stack.outputs["PolicyDigest"]
    assert changed.policy != stack.policy


@pytest.mark.timeout(400)  # the SAM CLI four times
def test_the_page_on_deploying_can_be_followed_word_by_word(person: Person) -> None:
    page = [line for line in commands("docs/deploy.md") if line.startswith(("make ", ".venv/bin/token-broker"))]
    lines = [line for line in page if line not in ("make setup", "make deploy", "make up")]
    assert lines[:4] == [
        ".venv/bin/token-broker policy check",
        "make deploy ENV=dev",
        ".venv/bin/token-broker secret put --env dev",
        "make deploy ENV=dev",
    ]
    (person.checkout / "samconfig.toml").unlink()
    answers = {
        "make deploy ENV=dev": [(asked, "") for asked in QUESTIONS] + [("Deploy this changeset?", "y")],
        ".venv/bin/token-broker secret put --env dev": [("Auth Key", "the-key"), ("Auth Secret", "the-auth-secret")],
    }
    for line in lines:
        if line == ".venv/bin/token-broker policy check --env prod":
            (profile,) = (block for block in blocks("docs/deploy.md", "toml") if "[prod." in block)
            with (person.checkout / "samconfig.toml").open("a") as file:
                file.write(profile)
            shutil.copy2(person.checkout / "prod.yaml", person.checkout / "policy.prod.yaml")
        if line in answers:
            status, said = person.answer(line, answers.pop(line))
        else:
            status, said = person.run(*line.replace("make ", "make READY= ").split())
        assert status == 0, f"{line}\n{said}"
    dev, prod = (person.aws.stacks[f"transloadit-token-broker-{name}"] for name in ("dev", "prod"))
    assert json.loads(person.value_of(dev.outputs["SecretArn"])) == json.loads(PAIR)
    assert dev.outputs["PolicyDigest"] != prod.outputs["PolicyDigest"]


def test_the_answers_to_the_five_questions_become_a_profile(tmp_path: Path) -> None:
    shutil.copy2(ROOT / "template.yaml", tmp_path)
    answers = iter(
        ["eu-west-1", "mine.yaml", "https://a.example,https://b.example", "t.example.com", CERTIFICATE, TOPIC]
    )
    profile = ask_for_profile("dev", lambda question: next(answers))
    (tmp_path / "samconfig.toml").write_text(profile)
    environment = read_environment("dev", tmp_path)
    assert (environment.region, environment.policy) == ("eu-west-1", tmp_path / "mine.yaml")
    assert environment.stack_name == "transloadit-token-broker-dev"
    said = {
        name: environment.parameters[name]
        for name in ("AllowedOrigins", "DomainName", "CertificateArn", "PageTopicArn")
    }
    assert list(said.values()) == ["https://a.example,https://b.example", "t.example.com", CERTIFICATE, TOPIC]


WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "no environment named": (("deploy",), "say which environment: make deploy ENV=dev"),
    "an environment that is not there": (("deploy", "ENV=prd"), "no environment `prd`; it has prod"),
    "a policy that is not there": (("build", "POLICY=nowhere.yaml"), "nowhere.yaml"),
    "an environment of an odd name": (("deploy", "ENV=it's; touch taken"), "no environment `it's; touch taken`"),
    "a name that begins with a dash": (("deploy", "ENV=-x"), "no environment `-x`"),
    "a policy whose name begins with a dash": (("build", "POLICY=--help"), "--help"),
    "the local stack's policy": (("build", "POLICY=local/policy.yaml"), "belongs to the local stack's policy"),
}


@pytest.mark.parametrize(("words", "told"), WRONG.values(), ids=WRONG)
def test_a_mistake_before_the_build_is_reported_in_a_line_and_leaves_no_stack(
    person: Person, words: tuple[str, ...], told: str
) -> None:
    status, said = person.make(*words)
    assert status != 0
    assert told in said
    assert "Traceback" not in said
    assert person.aws.stacks == {}
    assert not (person.checkout / "taken").exists()


def test_a_credential_without_a_secret_stops_the_deployment_before_anything_is_built(person: Person) -> None:
    policy = person.checkout / "prod.yaml"
    policy.write_text(policy.read_text().replace("credentials:\n", "credentials:\n  shop: {}\n"))
    status, said = person.make("deploy", "ENV=prod")
    assert status != 0
    assert "the environment `prod` has no secret for it" in said
    assert not (person.checkout / ".aws-sam").exists()


def test_a_shell_without_aws_credentials_is_refused_before_anything_is_built(person: Person) -> None:
    logged_out = ("env", "-u", "AWS_ACCESS_KEY_ID", "-u", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED=true")
    home = f"AWS_SHARED_CREDENTIALS_FILE={person.checkout / 'none'}"
    for command in (
        (*MAKE, "deploy", "ENV=prod"),
        (".venv/bin/token-broker", "secret", "put", "--env", "prod"),
    ):
        status, said = person.run(*logged_out, home, *command)
        assert status != 0
        assert "this shell has no AWS credentials: log in" in said
    assert not (person.checkout / ".aws-sam").exists()


def test_make_build_builds_the_policy_that_is_named(person: Person) -> None:
    status, said = person.make("build", "POLICY=prod.yaml")
    assert status == 0, said
    built = (person.checkout / ".aws-sam/build/BrokerFunction/policy.json").read_bytes()
    assert b"https://prod.example.com/" in built
    assert hashlib.sha256(built).hexdigest() in said


def test_a_policy_in_a_folder_with_an_odd_name_is_built_and_nothing_of_the_name_is_run(person: Person) -> None:
    """Two makes and their shells handle the name; each could read words, commands and variables in it."""
    folder = person.checkout / "it's (a) $$folder; touch taken $(touch taken)"
    folder.mkdir()
    shutil.move(person.checkout / "prod.yaml", folder / "my policy.yaml")
    config = person.checkout / "samconfig.toml"
    config.write_text(config.read_text().replace('"prod.yaml"', json.dumps(f"{folder.name}/my policy.yaml")))
    status, said = person.make("build", "ENV=prod")
    assert status == 0, said
    built = (person.checkout / ".aws-sam/build/BrokerFunction/policy.json").read_bytes()
    assert b"https://prod.example.com/" in built
    assert not [*person.checkout.rglob("taken")]


def test_make_build_takes_a_policy_whose_name_has_spaces(person: Person) -> None:
    shutil.move(person.checkout / "prod.yaml", person.checkout / "my policy; touch taken.yaml")
    status, said = person.make("build", "POLICY=my policy; touch taken.yaml")
    assert status == 0, said
    assert not [*person.checkout.rglob("taken*")]


@pytest.mark.parametrize("name", ["a.b", "a]b", "it's", "version", "größe", "1st", "a" * 70])
def test_an_environment_whose_name_makes_no_stack_is_refused_before_a_question_is_asked(
    person: Person, name: str
) -> None:
    before = (person.checkout / "samconfig.toml").read_text()
    status, shown = answer_questions(
        [*MAKE, "deploy", f"ENV={name}"], [], folder=person.checkout, variables=person.variables, seconds=60
    )
    assert status != 0
    assert "letters, digits and hyphens" in shown
    assert (person.checkout / "samconfig.toml").read_text() == before


def test_origins_may_be_answered_with_spaces_between() -> None:
    given = iter(["", "", "https://a.example.com, https://b.example.com", "", ""])
    profile = tomllib.loads(ask_for_profile("dev", lambda _: next(given)))["dev"]
    said = profile["deploy"]["parameters"]["parameter_overrides"]
    assert said == ["AllowedOrigins=https://a.example.com,https://b.example.com"]


def test_a_secret_is_put_by_a_prompt_or_from_a_file_and_shown_nowhere(person: Person) -> None:
    arn = person.aws.new_secret()
    person.aws.stacks["broker-prod"] = Stack({}, {}, b"", {"SecretArn": arn})
    put = [".venv/bin/token-broker", "secret", "put", "--env", "prod"]
    typed = [("Auth Key", "the-key"), ("Auth Secret", "the-auth-secret")]
    status, shown = answer_questions(put, typed, folder=person.checkout, variables=person.variables)
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
    status, said = person.run(*put, stdin="the-key\nthe-auth-secret\n")
    assert (status, "the-auth-secret" in said, "Traceback" in said) == (2, False, False)
    assert "`--file -` reads the pair" in said
    status, said = person.run(*put, "--file", "nowhere.json")
    assert (status, "no file nowhere.json; --file names the secret's text" in said) == (2, True)
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
        compare(f"{person.aws.url}/broker/broker-prod/health", Built("1", "new"), seconds=0.9)


def test_a_deployment_that_does_not_answer_names_the_dns_record(person: Person) -> None:
    with pytest.raises(NotDeployed, match=r"nothing of use \(.*DNS record must point to the output DomainTarget"):
        compare("http://127.0.0.1:9/health", Built("1", "new"), seconds=0.9)


def test_the_example_of_a_configuration_has_two_environments_that_can_be_read(tmp_path: Path) -> None:
    shutil.copy2(ROOT / "samconfig.example.toml", tmp_path / "samconfig.toml")
    shutil.copy2(ROOT / "template.yaml", tmp_path)
    dev, prod = (read_environment(name, tmp_path) for name in ("dev", "prod"))
    assert dev.stack_name != prod.stack_name
    assert dev.secrets == {"default": None}
