"""AWS's local runner of durable functions, in an environment of its own: the stack's packages are not these.

    python runner.py PORT LAMBDA_ENDPOINT

Timers of retries and waits are skipped; timeouts of callbacks take their real time, in every version of the runner.
"""

import logging
import sys
from socketserver import TCPServer

from aws_durable_execution_sdk_python_testing import WebRunner, WebRunnerConfig
from aws_durable_execution_sdk_python_testing.executor import Executor
from aws_durable_execution_sdk_python_testing.web.server import WebServiceConfig

# The pause after an invocation that crashed, in seconds. The runner does not skip it.
Executor.RETRY_BACKOFF_SECONDS = 0
# Python's own number is 5. Of two hundred objects at once, some met a reset connection.
TCPServer.request_queue_size = 128


def main(port: int, lambda_endpoint: str) -> None:
    service = WebServiceConfig("127.0.0.1", port, log_level=logging.WARNING)
    with WebRunner(WebRunnerConfig(service, lambda_endpoint, skip_time=True)) as runner:
        runner.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
