"""A thousand events of new objects, a fifth of them doubled, while api2, AWS and the function itself fail."""

import os
from collections.abc import Callable

import pytest

from tests.kit.disturbances import kill_environment, list_faults, lose_aws, replace_pipeline_key
from tests.kit.event_checks import check_events
from tests.kit.kept import read_statuses, search, search_records
from tests.kit.stacks import Client

EVENTS = int(os.environ.get("EVENTS", "1000"))


@pytest.mark.timeout(400)
def test_a_thousand_events_are_as_many_assemblies_or_dead_letters_whatever_fails(
    stack: Client, report: Callable[[str], None]
) -> None:
    faults = list_faults(EVENTS // 100)  # in each of two rounds
    disturb = [*faults, kill_environment, replace_pipeline_key, lose_aws, *faults]
    report(check_events(stack, EVENTS, disturb))
    assert search(stack) == set()
    assert search_records(stack, read_statuses(stack)) == set()
