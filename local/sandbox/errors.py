"""api2's error codes and their statuses, as in its published contract."""

import json
import math
from collections.abc import Mapping
from typing import Any

from aiohttp import web

# From https://transloadit.com/docs/api/response-codes/ and the contract of Transloadit's own clients. docs/sandbox.md
# lists the statuses that are inferred.
_CODES = {
    200: "BILL_NOT_FOUND",
    400: """
        GET_ACCOUNT_UNKNOWN_AUTH_KEY TOKEN_INVALID_GRANT_TYPE TOKEN_INVALID_REQUEST
        NO_PARAMS_FIELD INVALID_PARAMS_FIELD NO_OBJECT_PARAMS_FIELD NO_AUTH_PARAMETER NO_OBJECT_AUTH_PARAMETER
        NO_AUTH_KEY_PARAMETER INVALID_AUTH_KEY_PARAMETER NO_AUTH_EXPIRES_PARAMETER INVALID_AUTH_EXPIRES_PARAMETER
        AUTH_EXPIRED NO_SIGNATURE_FIELD INVALID_SIGNATURE SIGNATURE_REUSE_DETECTED REFERER_MISMATCH
        INVALID_AUTH_REFERER_PARAMETER INVALID_AUTH_MAX_SIZE_PARAMETER INVALID_AUTH_MAX_NUMBER_OF_FILES_PARAMETER
        INVALID_FORM_DATA MAX_SIZE_EXCEEDED MAX_NUMBER_OF_FILES_EXCEEDED REQUEST_PREMATURE_CLOSED
        ASSEMBLY_NO_STEPS ASSEMBLY_EMPTY_STEPS ASSEMBLY_INVALID_STEPS ASSEMBLY_STEP_NO_ROBOT ASSEMBLY_STEP_UNKNOWN_ROBOT
        ASSEMBLY_INVALID_NOTIFY_URL ASSEMBLY_INVALID_NUM_EXPECTED_UPLOAD_FILES_PARAM DO_NOT_REUSE_ASSEMBLY_IDS
        ASSEMBLY_ACCOUNT_MISMATCH ASSEMBLY_CANNOT_BE_REPLAYED ASSEMBLY_COULD_NOT_BE_CREATED ASSEMBLY_LIST_ERROR
        ASSEMBLY_NOT_FINISHED ASSEMBLY_NO_NOTIFY_URL ASSEMBLY_STATUS_NOT_FOUND
        ASSEMBLY_STATS_INVALID_TIME ASSEMBLY_STATS_MISSING_REGION
        NO_TEMPLATE_ID TEMPLATE_NOT_FOUND TEMPLATE_INVALID_JSON TEMPLATE_VALIDATION_ERROR TEMPLATE_LIST_ERROR
        TEMPLATE_DENIES_STEPS_OVERRIDE
        TEMPLATE_CREDENTIALS_NOT_CREATED TEMPLATE_CREDENTIALS_NOT_READ TEMPLATE_CREDENTIALS_NOT_UPDATED
        TEMPLATE_CREDENTIALS_NOT_DELETED TEMPLATE_CREDENTIALS_NOT_FOUND
        AUTH_KEY_NOT_CREATED AUTH_KEY_NOT_UPDATED AUTH_KEY_NOT_DELETED AUTH_SECRET_NOT_RETRIEVED
        AUTH_KEYS_NOT_FOUND AUTH_KEY_SCOPES_NOT_FOUND
        PLAN_LIMIT_EXCEEDED BILL_LIMIT_EXCEEDED VERIFIED_EMAIL_REQUIRED ADMIN_PERMISSIONS_REQUIRED
        PRIORITY_JOB_SLOTS_NOT_FOUND PRIORITY_JOB_SLOT_STATS_INVALID_AGGREGATION
        PRIORITY_JOB_SLOT_STATS_INVALID_TIME PRIORITY_JOB_SLOT_STATS_MISSING_REGION
    """,
    401: "SERVER_401 TOKEN_INVALID_CREDENTIALS BEARER_TOKEN_EXPIRED BEARER_TOKEN_INVALID",
    403: """
        TOKEN_INVALID_AUDIENCE TOKEN_INVALID_SCOPE INSUFFICIENT_AUTH_SCOPE BEARER_TOKEN_AUTH_KEY_MISMATCH SERVER_403
    """,
    404: "SERVER_404 ASSEMBLY_NOT_FOUND DAM_RESOURCE_NOT_FOUND",
    409: "DAM_MUTATION_CONFLICT",
    429: "RATE_LIMIT_REACHED ASSEMBLY_STATUS_FETCHING_RATE_LIMIT_REACHED",
    500: "SERVER_500 GET_ACCOUNT_DB_ERROR ASSEMBLY_STATS_ERROR PRIORITY_JOB_SLOT_STATS_ERROR",
    503: "ASSEMBLY_CANCEL_UNAVAILABLE",
}
PROXY_LIMIT = "429 Too Many Requests"  # api2's proxy sends this in place of an error code
STATUSES = {code: status for status, codes in _CODES.items() for code in codes.split()} | {PROXY_LIMIT: 429}


class ApiError(Exception):
    """A refusal in api2's format. `info` becomes the member `info` of the answer."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        info: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status or STATUSES[code]
        self.headers = headers or {}
        # A rate limit's documented answer has no http_code: https://transloadit.com/docs/api/rate-limiting/
        self.body = {"error": code, "message": message, "info": dict(info)} if info else self._plain_body()

    def _plain_body(self) -> dict[str, Any]:
        return {"error": self.code, "http_code": self.status, "message": self.message}

    def response(self) -> web.Response:
        return web.Response(
            status=self.status, text=json.dumps(self.body), content_type="application/json", headers=self.headers
        )


def make_limit_error(code: str, seconds: float, status: int | None = None) -> ApiError:
    """The error of a rate limit. The body and `Retry-After` say how many seconds to wait."""
    message = "Request limit reached"
    return ApiError(
        code, message, status=status, info={"retryIn": seconds}, headers={"Retry-After": str(math.ceil(seconds))}
    )
