"""What Lambda tells of an invocation. It joins an audit record with the platform's own log lines and traces."""

import re
from collections.abc import Mapping

from aws_lambda_powertools.utilities.typing import LambdaContext
from msgspec import Struct

from broker.base.progress import Clock, Deadline
from broker.base.values import Value

# A caller may send the trace header, and could write a secret or a forged text into the log by it. So nothing but a
# well-formed Root is kept.
# https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
_ROOT = re.compile(r"\bRoot=(1-[0-9a-f]{8}-[0-9a-f]{24})(?![^;])")


class Invocation(Value, frozen=True):
    """Its members have the names that Powertools for AWS Lambda gives them in a log line."""

    function_request_id: str  # Lambda's own; API Gateway's is another
    cold_start: bool
    xray_trace_id: str | None


class Invocations(Struct):
    """Those of one environment, of which the first is its cold start."""

    environment: Mapping[str, str]  # read in each invocation, since Lambda writes the trace there
    clock: Clock
    is_first: bool = True

    def begin(self, context: LambdaContext) -> tuple[Invocation, Deadline]:
        """The invocation that this context belongs to, and the end of the time that Lambda gives it.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
        """
        is_first, self.is_first = self.is_first, False
        trace = _ROOT.search(self.environment.get("_X_AMZN_TRACE_ID", ""))
        deadline = Deadline(self.clock, context.get_remaining_time_in_millis() / 1000)
        return Invocation(context.aws_request_id, is_first, trace[1] if trace else None), deadline
