"""Calls a Lambda handler for each line of standard input: `python worker.py module.handler timeout`.

It replaces the emulator on machines that cannot run it. Like Lambda, it offers the handler only the standard library
and the artifact, so it must import nothing else.
"""

import importlib
import json
import os
import sys
import time
import uuid


class Context:
    """The members of Lambda's context object that handlers use."""

    def __init__(self, timeout: float) -> None:
        self.aws_request_id = str(uuid.uuid4())
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.invoked_function_arn = f"arn:aws:lambda:us-east-1:012345678912:function:{self.function_name}"
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._ends_at = time.time() + timeout

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._ends_at - time.time()) * 1000))


def main(handler: str, timeout: float) -> None:
    # A line that the function prints would be read as its answer. So prints go to the log, and answers alone to stdout.
    answers, sys.stdout = sys.stdout, sys.stderr
    module, _, name = handler.rpartition(".")
    function = getattr(importlib.import_module(module), name)
    for line in sys.stdin:
        try:
            answer = function(json.loads(line), Context(timeout))
        except Exception as error:  # noqa: BLE001 - Lambda reports every exception of a handler
            answer = {"errorType": type(error).__name__, "errorMessage": str(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
