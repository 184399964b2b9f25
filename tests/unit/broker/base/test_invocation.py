"""An invocation as Lambda describes it."""

from types import SimpleNamespace
from typing import Any

import pytest
from broker.base.invocation import Invocation, Invocations

from tests.kit.clock import Clock

CONTEXT: Any = SimpleNamespace(aws_request_id="8f5aa0cc", get_remaining_time_in_millis=lambda: 15_000)
ROOT = "1-5759e988-bd862e3fe1be46a994272793"


def test_the_first_invocation_of_an_environment_is_its_cold_start() -> None:
    invocations = Invocations({}, Clock())
    assert [invocations.begin(CONTEXT)[0] for _ in range(3)] == [
        Invocation("8f5aa0cc", True, None),
        Invocation("8f5aa0cc", False, None),
        Invocation("8f5aa0cc", False, None),
    ]


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        (f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1", ROOT),
        (f"Self=1-67891234-12456789abcdef012345678a;Root={ROOT}", ROOT),
        (f"Root={ROOT}", ROOT),
        (f"Root={ROOT}0", None),
        ("Root=1-5759e988-the-secret;Sampled=1", None),
        (f"XRoot={ROOT}", None),
        ("", None),
    ],
)
def test_only_a_well_formed_root_of_the_trace_is_kept(header: str, trace: str | None) -> None:
    invocation, _ = Invocations({"_X_AMZN_TRACE_ID": header}, Clock()).begin(CONTEXT)
    assert invocation.xray_trace_id == trace


def test_each_invocation_has_its_own_trace() -> None:
    environment: dict[str, str] = {}
    invocations = Invocations(environment, Clock())
    invocations.begin(CONTEXT)
    environment["_X_AMZN_TRACE_ID"] = f"Root={ROOT}"
    assert invocations.begin(CONTEXT)[0].xray_trace_id == ROOT


def test_the_deadline_of_an_invocation_is_reckoned_in_the_milliseconds_that_lambda_tells() -> None:
    _, deadline = Invocations({}, Clock()).begin(CONTEXT)
    assert deadline.left() == 14.5
