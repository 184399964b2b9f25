"""A thousand events of new objects, a fifth of them doubled, while api2, AWS and the function itself fail."""

from collections.abc import Callable

import pytest

from tests.kit.disturbances import kill_environment, list_faults, lose_aws, replace_pipeline_key
from tests.kit.event_checks import check_events
from tests.kit.kept import search
from tests.kit.stacks import Client

OBJECTS = 1_000
TIMES = 10  # that each fault is met, in each of two rounds


@pytest.mark.timeout(400)
def test_a_thousand_events_are_as_many_assemblies_or_dead_letters_whatever_fails(
    stack: Client, report: Callable[[str], None]
) -> None:
    faults = list_faults(TIMES)
    disturb = [*faults, kill_environment, *faults, replace_pipeline_key, lose_aws]
    report(check_events(stack, OBJECTS, disturb))
    assert search(stack) == set()
