"""Several Workspaces in one broker: tokens and Assemblies of each, a broken secret, and what each function reads."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from local.aws.account import Principal
from local.aws.services import client as aws_client
from local.aws.services import secret_name
from tests.kit.aws_calls import error_of
from tests.kit.durable_callbacks import DurableCallbacks
from tests.kit.servers import serving
from tests.kit.stacks import Client, running_stack
from tests.kit.waiting import wait_until

POLICY = Path(__file__).with_name("workspaces.yaml")
TEMPLATES = {"acme": "encode", "globex": "encode-globex"}
SECRETS = {"acme": "default", "globex": "globex"}
# Which secrets each function may read, by their names in Secrets Manager without the stack's.
READABLE = {
    "BrokerFunction": {"default", "globex", "uploads"},
    "IamFunction": {"default"},
    "TokenFunction": {"nightly"},
    "AssemblyFunction": {"default", "globex", "pipeline-key"},
    "NotificationFunction": {"default", "globex", "pipeline-key"},
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with running_stack(tmp_path_factory.mktemp("stack"), POLICY, workers=1) as running:
        yield running


def get_token(stack: Client, workspace: str) -> tuple[int, str]:
    """The status, and the token that somebody of this Workspace gets."""
    credential = {} if workspace == "acme" else {"credential": workspace}
    answer = stack.post(stack.jwt(groups=[workspace]), **credential)
    return answer.status, str(answer.body.get("access_token"))


def make_assembly(stack: Client, workspace: str, key: str, **members: Any) -> dict[str, Any]:
    fields = {"bucket": "originals", "key": key}
    sent = {"template": TEMPLATES[workspace], "key": key, "fields": fields, **members}
    return dict(stack.invoke(json.dumps(sent).encode(), "AssemblyFunction").body)


def list_assemblies(stack: Client, token: str) -> set[str]:
    listed = stack.api2.send("GET", "/assemblies", headers={"authorization": f"Bearer {token}"})[1]
    return {each["id"] for each in listed["items"]}


def find_processes(stack: Client, function: str) -> list[tuple[int, dict[str, str]]]:
    """The processes of a function's environments, and their variables."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            pairs = (entry / "environ").read_text("utf-8", "replace").split("\0")
        except OSError:
            continue
        variables = dict(pair.partition("=")[::2] for pair in pairs)
        is_ours = variables.get("LAMBDA_TASK_ROOT") == str(stack.folder / "artifact")
        if is_ours and variables.get("AWS_LAMBDA_FUNCTION_NAME") == function:
            found.append((int(entry.name), variables))
    return found


def as_function(stack: Client, function: str, service: str) -> Any:
    """A client of AWS with the credentials that the function has."""
    stack.invoke(b"{}", function)  # an environment that was killed is there again
    variables = find_processes(stack, function)[0][1]
    principal = Principal(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
    return aws_client(service, stack.stack["aws_endpoint_url"], principal)


@contextmanager
def broken(stack: Client, credential: str, value: str) -> Iterator[None]:
    """The credential's secret has this value as long as the context lasts."""
    name = secret_name(credential)
    before = stack.aws("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    write_secret(stack, name, value)
    try:
        yield
    finally:
        write_secret(stack, name, before)


def write_secret(stack: Client, name: str, value: str) -> None:
    """Write a secret, and end all environments: the next ones read it afresh."""
    stack.aws("secretsmanager").put_secret_value(SecretId=name, SecretString=value)
    killed = list_processes(stack)
    for process in killed:
        with suppress(ProcessLookupError):  # it ended with the other process of its environment
            os.kill(process, signal.SIGKILL)
    # An environment that is dying still takes an event, which then fails.
    wait_until(lambda: not killed & list_processes(stack))


def list_processes(stack: Client) -> set[int]:
    """The processes of all environments."""
    return {process for function in READABLE for process, _ in find_processes(stack, function)}


def test_each_workspace_has_its_own_tokens_and_assemblies(stack: Client) -> None:
    made = {name: make_assembly(stack, name, "own.mp4")["assembly_id"] for name in TEMPLATES}
    for name, other in (("acme", "globex"), ("globex", "acme")):
        listed = list_assemblies(stack, get_token(stack, name)[1])
        assert made[name] in listed
        assert made[other] not in listed
    shown = {name: stack.api2.send("GET", f"/assemblies/{id_}")[1] for name, id_ in made.items()}
    assert {name: status["account_slug"] for name, status in shown.items()} == {"acme": "acme", "globex": "globex"}
    assert {status["template_name"] for status in shown.values()} == {"encode"}


def test_nobody_gets_a_token_of_a_workspace_that_is_not_theirs(stack: Client) -> None:
    assert stack.post(stack.jwt(groups=["acme"]), credential="globex").status == 400
    assert stack.post(stack.jwt(groups=["globex"])).status == 400


def test_each_workspace_s_notification_completes_its_own_callback(stack: Client) -> None:
    callbacks, port = DurableCallbacks(), urlsplit(stack.stack["durable_url"]).port
    with serving(callbacks.app, port=port or 0):
        for name in TEMPLATES:
            make_assembly(stack, name, f"of {name}", callback={"durable": f"{name}+/="})
        wait_until(lambda: len(callbacks.got) == 2)
    paths = {quote(f"{name}+/=", safe="") for name in TEMPLATES}
    assert {path.split("/")[3] for _, path, _ in callbacks.got} == paths
    assert {json.loads(body)["ok"] for *_, body in callbacks.got} == {"ASSEMBLY_COMPLETED"}


@pytest.mark.parametrize("workspace", TEMPLATES)
@pytest.mark.parametrize(
    "value", ["no JSON", '{"auth_key": "unknown", "auth_secret": "wrong"}'], ids=["malformed", "refused"]
)
def test_a_secret_that_is_broken_does_not_touch_the_other_workspace(stack: Client, workspace: str, value: str) -> None:
    (other,) = TEMPLATES.keys() - {workspace}
    with broken(stack, SECRETS[workspace], value):
        for name, works in ((workspace, False), (other, True), (workspace, False), (other, True)):
            assert (get_token(stack, name)[0] == 200) is works
            assert ("assembly_id" in make_assembly(stack, name, f"broken {workspace} {value}")) is works
    for name in TEMPLATES:
        assert get_token(stack, name)[0] == 200


@pytest.mark.parametrize("function", READABLE)
def test_a_function_reads_the_secrets_that_it_needs_and_no_other(stack: Client, function: str) -> None:
    read = as_function(stack, function, "secretsmanager").get_secret_value
    names = ("default", "globex", "nightly", "uploads", "pipeline-key")
    errors = {name: error_of(read, SecretId=secret_name(name)) for name in names}
    assert errors == {name: None if name in READABLE[function] else "AccessDeniedException" for name in names}


@pytest.mark.parametrize("function", READABLE)
def test_every_function_but_that_of_notifications_uses_the_shared_table(stack: Client, function: str) -> None:
    database = as_function(stack, function, "dynamodb")
    got = error_of(database.get_item, TableName="SharedTable", Key={"id": {"S": "none"}})
    assert got == (None if function != "NotificationFunction" else "AccessDeniedException")
    assert error_of(database.scan, TableName="SharedTable") == "AccessDeniedException"
