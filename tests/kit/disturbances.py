"""What disturbs a run of many events: faults of api2, an environment's death, and AWS out of reach."""

import os
import secrets
import signal
from functools import partial
from typing import Any

from tests.kit.kept import connect
from tests.kit.many_events import SECONDS, Disturb, Run
from tests.kit.processes import find_child, paused
from tests.kit.waiting import wait_until

PIPELINE_KEY = "local/pipeline-key"
# The words by which the command lines of these processes are known.
_FUNCTION, _AWS = "broker.assembly_function.handler", "local.aws.server"
# What calls about Assemblies meet. One whose answer is cut in half has been served all the same.
_FAULTS: list[dict[str, Any]] = [
    {"error": "TEMPLATE_NOT_FOUND"},  # no try helps, until somebody has corrected it
    {"error": "RATE_LIMIT_REACHED", "status": 429, "retry_in": 1},
    {"status": 503},
    {"half": True},
    {"reset": True},
    {"garbage": True},
    {"delay_ms": 100},
    {"method": "GET", "status": 502},
]


def list_faults(times: int) -> list[Disturb]:
    """Faults of api2, each of so many calls."""
    assemblies = [{"path": "/assemblies/*", "method": "POST", "times": times} | fault for fault in _FAULTS]
    return [*(partial(_order, fault=fault) for fault in assemblies), refuse_token]


def _order(run: Run, fault: dict[str, Any]) -> None:
    run.stack.api2.fault(**fault)


def refuse_token(run: Run) -> None:
    """Let api2 refuse the token in use once, and be busy when it is asked for the next one."""
    run.stack.api2.fault("/token", status=503)
    run.stack.api2.fault("/assemblies/*", method="POST", error="BEARER_TOKEN_EXPIRED")


def kill_environment(run: Run) -> None:
    """End the function's environment, as a machine's failure would."""
    os.killpg(find_child(run.stack, _FUNCTION), signal.SIGKILL)


def lose_aws(run: Run) -> None:
    """Kill the environment while AWS does not answer, until the next one has failed for want of its secrets."""
    names = ("TemporarilyUnavailable", "BrokerFault")
    before = run.invocations.count(*names)
    with paused(find_child(run.stack, _AWS)):
        kill_environment(run)
        wait_until(lambda: run.invocations.count(*names) > before + 1, SECONDS)


def replace_pipeline_key(run: Run) -> None:
    """Store a new pipeline key. An environment that starts from now on makes its ids with that."""
    connect(run.stack, "secretsmanager").put_secret_value(SecretId=PIPELINE_KEY, SecretString=secrets.token_hex(32))
