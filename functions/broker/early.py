"""The first work of a start. It waits for the network alone, so it runs while the other modules are imported."""

import os
import ssl
import time
from concurrent.futures import Future, ThreadPoolExecutor

# OpenSSL takes 24 to 34 ms to read the certificates, in which Python runs on. So this begins before the imports below.
_context = ThreadPoolExecutor(1).submit(ssl.create_default_context)

from broker.base.net import BoundedHttp
from broker.base.progress import Clock
from broker.base.values import Value
from broker.policy.model import Policy, read

POLICY_FILE = f"{os.path.dirname(__file__)}/../policy.json"  # beside the package in the artifact
PREPARE_SECONDS = 2.5  # for each call that is made ahead of the first request


class Early(Value, frozen=True):
    """The policy, and the network, on which `connection` is open to api2 as soon as it is done.

    `connection` raises OutOfReach where there is none.
    """

    clock: Clock
    policy: Policy
    http: BoundedHttp
    connection: Future[None]


def begin_start(clock: Clock = time.time, policy_file: str | os.PathLike[str] = POLICY_FILE) -> Early:
    """Read the policy, and begin to connect to api2. Raises OSError or ValueError where there is no compiled policy."""
    try:
        policy = read(policy_file)
    except (OSError, ValueError) as failure:
        # Imported here, since a start that goes well imports Powertools while it connects.
        from broker.aws.cloudwatch import log_failure

        log_failure("failed to start", failure)
        raise
    http = BoundedHttp(clock, allow_loopback=policy.is_local, make_context=_context.result)
    # Where api2 is far its connection and the mint after it take longest of all that a start waits for.
    connection = ThreadPoolExecutor(1).submit(http.connect, policy.upstream, PREPARE_SECONDS)
    return Early(clock, policy, http, connection)
