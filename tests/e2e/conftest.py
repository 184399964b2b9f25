"""One stack for each test process, with the policy beside this file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.aws.services import client as aws_client
from local.aws.services import secret_name
from tests.kit.stacks import Client, running_stack

POLICY = Path(__file__).with_name("policy.yaml")


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A stack of two environments, shared by tests that do not mind each other."""
    with running_stack(tmp_path_factory.mktemp("stack"), POLICY) as running:
        secrets = aws_client("secretsmanager", running.stack["aws_endpoint_url"], running.principal)
        secrets.delete_secret(SecretId=secret_name("missing"), ForceDeleteWithoutRecovery=True)
        yield running


@pytest.fixture
def clean(client: Client) -> Client:
    """The same stack, its sandbox without faults and counters at zero."""
    client.api2.raw("POST", "/_sandbox/reset")
    return client
