"""What is pruned from the artifact changes nothing for the services that the function calls."""

import json
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.loaders import Loader
from botocore.session import Session, get_session

from infra.prune import SERVICES, prune

WHOLE = Path(botocore.__file__).parent / "data"
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("get_item", {"TableName": "t", "Key": {"id": {"S": "1"}}}),
    "lambda": ("send_durable_execution_callback_success", {"CallbackId": "id", "Result": b"{}"}),
    "secretsmanager": ("get_secret_value", {"SecretId": "s"}),
    "sqs": ("send_message", {"QueueUrl": "https://sqs.example.com/1/queue", "MessageBody": "{}"}),
    "stepfunctions": ("send_task_success", {"taskToken": "token", "output": "{}"}),
}
PARTITIONS = json.loads((WHOLE / "partitions.json").read_text())["partitions"]
REGIONS = sorted({region for each in PARTITIONS for region in each["regions"]} | {"eu-nowhere-7", "elsewhere"})


@pytest.fixture(scope="module")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """botocore's data as the artifact has it."""
    folder = tmp_path_factory.mktemp("artifact")
    data = folder / "botocore/data"
    data.mkdir(parents=True)
    for file in WHOLE.glob("*.json"):
        shutil.copy(file, data)
    for service in [*SERVICES, "s3"]:
        shutil.copytree(WHOLE / service, data / service)
    prune(folder)
    return data


def session_on(data: Path) -> Session:
    """A session that takes this data for botocore's own, as in the artifact; data of a user's own has other rules."""
    loader = Loader([str(data)], include_default_search_paths=False)
    loader.BUILTIN_DATA_PATH = str(data)
    session = get_session()
    session.register_component("data_loader", loader)
    session.set_credentials("AKIDEXAMPLE", "a-secret")
    return session


class Sent(Exception):
    """A call that would go out now: where to, and the scope of its signature."""


def stop(request: AWSPreparedRequest, **_: Any) -> None:
    raise Sent(request.url, str(request.headers["Authorization"]).split("/", 2)[2].split(",")[0])


def outcome(session: Session, service: str, config: Config) -> str:
    """What is sent, or the error that botocore has instead."""
    operation, arguments = CALLS[service]
    try:
        client = session.create_client(service, config=config)
        client.meta.events.register("before-send", stop)
        getattr(client, operation)(**arguments)
    except (BotoCoreError, Sent) as ended:
        return repr(ended)
    raise AssertionError("nothing was sent")


@pytest.mark.parametrize("service", sorted(CALLS))
def test_endpoint_and_signer_are_those_of_the_whole_data_in_every_region(service: str, pruned: Path) -> None:
    whole, cut = session_on(WHOLE), session_on(pruned)
    for region, fips, dualstack in product(REGIONS, [False, True], [False, True]):
        config = Config(region_name=region, use_fips_endpoint=fips, use_dualstack_endpoint=dualstack)
        assert outcome(cut, service, config) == outcome(whole, service, config)


def test_the_services_of_the_functions_are_left_and_no_other(pruned: Path) -> None:
    assert {folder.name for folder in pruned.glob("*/")} == SERVICES.keys() == CALLS.keys()
    for partition in json.loads((pruned / "endpoints.json").read_text())["partitions"]:
        assert partition["services"].keys() <= set(SERVICES.values())
