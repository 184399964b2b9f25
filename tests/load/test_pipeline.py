"""Many objects at once: each becomes one Assembly, and each has its outcome."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.sam import ROOT
from tests.kit.kept import search, search_records
from tests.kit.pipelines import TABLE, created, name_object
from tests.kit.stack_pipelines import Pipelines, running_pipelines
from tests.kit.stacks import running_stack

OBJECTS = int(os.environ.get("OBJECTS", "200"))
SECONDS = 300


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipelines]:
    folders = [tmp_path_factory.mktemp(name) for name in ("stack", "pipelines")]
    with (
        running_stack(folders[0], ROOT / "local/policy.yaml", workers=1) as stack,
        running_pipelines(stack, folders[1], workers=4) as running,
    ):
        yield running


@pytest.mark.timeout(2 * SECONDS)
def test_many_objects_at_once_are_as_many_assemblies_and_outcomes(
    pipelines: Pipelines, report: Callable[[str], None]
) -> None:
    begun = time.monotonic()
    keys = [f"films/{number}.mov" for number in range(OBJECTS)]
    with ThreadPoolExecutor(20) as threads:
        executions = list(threads.map(lambda key: pipelines.executions.start(created(key)), keys))
    ended = Counter(pipelines.executions.wait(execution, SECONDS)["Status"] for execution in executions)
    report(f"{OBJECTS} durable executions in {time.monotonic() - begun:.1f} s")
    assert ended == {"SUCCEEDED": OBJECTS}
    assert Counter(key for _, key in pipelines.list_assemblies()) == dict.fromkeys(keys, 1)
    rows = pipelines.database.scan(TableName=TABLE)["Items"]
    outcomes = {row["object"]["S"]: row["status"]["S"] for row in rows}
    assert outcomes == {name_object(key): "ASSEMBLY_COMPLETED" for key in keys}
    assert search(pipelines.stack, pipelines.read_kept()) == set()
    ids = [id_ for id_, _ in pipelines.list_assemblies()]
    assert search_records(pipelines.stack, [*ids, *pipelines.function.callbacks]) == set()
