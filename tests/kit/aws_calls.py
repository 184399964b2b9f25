"""A call of AWS by boto3, and the error that it ends with."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError


def error_of(call: Callable[..., Any], **members: Any) -> str | None:
    """The code of the error with which AWS answers this call, such as AccessDeniedException, or None."""
    try:
        call(**members)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None
