"""What waits for a callback is told how its wait ended: a durable function by Lambda, a task by Step Functions."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from msgspec.json import encode

from broker.base.errors import BrokerFault, TemporarilyUnavailable
from broker.base.net import OutOfReach
from broker.base.progress import Deadline
from broker.base.values import Value

if TYPE_CHECKING:
    from broker.aws.client import Aws

SECONDS = 3.0
MAX_BYTES = 16 * 1024
# AWS has no error that says "completed already". All of these mean that nobody waits any more: the wait has ended, by
# an earlier completion or by its own timeout, or its execution has. No later try would change that.
_OVER = frozenset(
    {"CallbackTimeoutException", "ResourceNotFoundException", "TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}
)
# Errors that pass by themselves; all others are a fault in the deployment, such as a missing permission.
_PASSING = frozenset({"TooManyRequestsException", "ThrottlingException", "KmsThrottlingException", "ServiceException"})


class Ending(Value, frozen=True):
    """How a wait ends: well, or by an error of this name. `result` is for the program that waited."""

    result: dict[str, str]
    error: str | None = None
    message: str = ""


class Callbacks(Value, frozen=True):
    """Completes callbacks.

    https://docs.aws.amazon.com/lambda/latest/api/API_SendDurableExecutionCallbackSuccess.html
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
    """

    aws: "Callable[[], Aws]"  # makes it when it is first needed

    def complete(self, kind: Literal["durable", "task"], value: str, ending: Ending, deadline: Deadline) -> bool:
        """End the wait of a durable function's callback id, or of a task token. False where nobody waits any more.

        Raises TemporarilyUnavailable, or BrokerFault where a retry is no use.
        """
        write = _write_durable if kind == "durable" else _write_task
        operation, request = write(value, ending)
        try:
            reply = self.aws().call(operation, request, deadline, seconds=SECONDS, limit=MAX_BYTES, tries=2)
        except OutOfReach as error:
            raise TemporarilyUnavailable("AWS is out of reach for a callback") from error
        if reply.error is None:
            return True
        if reply.error in _OVER:
            return False
        if reply.status >= 500 or reply.status == 429 or reply.error in _PASSING:
            raise TemporarilyUnavailable("AWS does not complete a callback")
        raise BrokerFault(f"callback cannot be completed: {reply.error}")


def _write_durable(callback_id: str, ending: Ending) -> tuple[str, dict[str, Any]]:
    result = encode(ending.result)
    if ending.error is None:
        return "lambda.send_durable_execution_callback_success", {"CallbackId": callback_id, "Result": result}
    error = {"ErrorType": ending.error, "ErrorMessage": ending.message, "ErrorData": result.decode()}
    return "lambda.send_durable_execution_callback_failure", {"CallbackId": callback_id, "Error": error}


def _write_task(token: str, ending: Ending) -> tuple[str, dict[str, Any]]:
    result = encode(ending.result).decode()
    if ending.error is None:
        return "stepfunctions.send_task_success", {"taskToken": token, "output": result}
    return "stepfunctions.send_task_failure", {"taskToken": token, "error": ending.error, "cause": result}
