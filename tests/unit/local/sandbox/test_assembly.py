"""Which Steps' files are results, and how much is remembered of one Assembly."""

from typing import Any

import pytest

from local.sandbox.assembly import Assembly, Instructions
from local.sandbox.model import AuthKey

RESIZED = {"robot": "/image/resize", "use": ":original"}


@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        ({"resized": RESIZED}, ["resized"]),
        ({"resized": RESIZED, "again": {"robot": "/image/resize", "use": "resized"}}, ["again"]),
        (
            {"resized": {**RESIZED, "result": True}, "again": {"robot": "/image/resize", "use": ["resized"]}},
            ["resized", "again"],
        ),
        ({"resized": {**RESIZED, "result": False}}, []),
        ({":original": {"robot": "/upload/handle", "result": True}, "resized": RESIZED}, [":original", "resized"]),
        ({"stored": {"robot": "/s3/store", "use": ":original"}}, [":original"]),
        (
            {
                "resized": RESIZED,
                "stored": {"robot": "/s3/store", "use": {"steps": [{"name": "resized", "as": "a"}, ":original"]}},
            },
            [":original", "resized"],
        ),
        ({"resized": {**RESIZED, "use": 5}}, ["resized"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_results_are_of_steps_with_result_of_stored_ones_and_of_unused_ones(
    steps: dict[str, Any], shown: list[str]
) -> None:
    assert Instructions("{}", steps).shown() == shown


def test_an_assembly_remembers_its_last_hundred_notifications() -> None:
    assembly = Assembly("id", AuthKey("key", "secret"), Instructions("{}", {}), "", 0, 0, 0)
    assembly.notifications.extend({"id": number} for number in range(101))
    assert [len(assembly.notifications), assembly.notifications[0]] == [100, {"id": 1}]
