"""The events of pipelines that are measured, what they cost, and the table that a conventional handler needs."""

import json
import os
from collections.abc import Iterator
from typing import Any, cast

import boto3
import pytest
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.typing import LambdaContext
from broker.caller.invoke import InvokeProof
from broker.messages import is_batch
from broker.request.events import Events

from tests.bench.event_parties import BATCH, make_batch, make_event
from tests.bench.measures.cost import Durations
from tests.bench.measures.event_cost import Cost
from tests.bench.table import create_app
from tests.kit.handlers import Context
from tests.kit.servers import serving

EVENTS = Events(InvokeProof("originals"), "encode", frozenset({"originals"}))


def test_every_event_is_of_another_object() -> None:
    keys = {read().key for _ in range(3) for read in EVENTS.split(json.loads(make_event()))}
    assert len(keys) == 3


def test_a_batch_is_as_many_messages_as_the_queue_hands_over_each_of_another_object() -> None:
    batch = json.loads(make_batch())
    assert is_batch(batch)
    keys = {read().key for message in batch["Records"] for read in EVENTS.split_text(message["body"])}
    assert len(keys) == len({message["messageId"] for message in batch["Records"]}) == BATCH


def test_only_the_processor_s_time_grows_on_a_share_of_a_processor() -> None:
    """3 ms, of which 1 ms is computed: on half of a processor 4 ms, and two starts' time once in a thousand events."""
    found = Cost(Durations(start=90, first=10, hit=3, log_bytes=0), processor=1, writes=0, megabytes=1769 // 2)
    gigabyte_seconds = (999_000 * 5 + 1_000 * 201) / 1000 * 884 / 1024
    assert found.compute == pytest.approx(gigabyte_seconds * 0.0000133334)


def test_an_event_costs_its_request_its_time_its_writes_and_its_logs() -> None:
    found = Cost(Durations(start=0, first=1, hit=1, log_bytes=1000), processor=0, writes=2, megabytes=1769)
    assert found.table == pytest.approx(1.25)
    assert found.logs == pytest.approx(0.50)
    assert found.total == pytest.approx(0.20 + found.compute + 1.25 + 0.50)


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Powertools' decorator, with the bench's table."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "function")
    with serving(create_app) as origin:
        client = boto3.client(
            "dynamodb",
            endpoint_url=origin,
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key=os.urandom(4).hex(),
        )
        config = IdempotencyConfig(lambda_context=cast(LambdaContext, Context()))
        layer = DynamoDBPersistenceLayer("idempotency", boto3_client=client)
        yield idempotent_function(data_keyword_argument="created", persistence_store=layer, config=config)
        client.close()


def test_by_the_table_powertools_does_once_what_comes_twice(once: Any) -> None:
    done = []

    @once  # type: ignore[untyped-decorator]
    def make(*, created: str) -> str:
        done.append(created)
        return f"of {created}"

    assert [make(created=key) for key in ("a", "b", "a")] == ["of a", "of b", "of a"]
    assert done == ["a", "b"]


def test_by_the_table_powertools_does_again_what_failed(once: Any) -> None:
    done = []

    @once  # type: ignore[untyped-decorator]
    def make(*, created: str) -> str:
        done.append(created)
        if len(done) == 1:
            raise ValueError("the first time")
        return "made"

    with pytest.raises(ValueError, match="the first time"):
        make(created="a")
    assert make(created="a") == "made"
