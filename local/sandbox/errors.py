"""api2's error codes and their statuses, as in its published contract."""

from typing import Any

from aiohttp import web

# Those that stand in no 400: https://transloadit.com/docs/api/response-codes/
_STATUSES = {
    "SERVER_401": 401,
    "TOKEN_INVALID_CREDENTIALS": 401,
    "BEARER_TOKEN_EXPIRED": 401,
    "BEARER_TOKEN_INVALID": 401,
    "TOKEN_INVALID_AUDIENCE": 403,
    "TOKEN_INVALID_SCOPE": 403,
    "INSUFFICIENT_AUTH_SCOPE": 403,
    "BEARER_TOKEN_AUTH_KEY_MISMATCH": 403,
    "SERVER_404": 404,
    "RATE_LIMIT_REACHED": 429,
    "SERVER_500": 500,
}


class ApiError(Exception):
    """A refusal in api2's words."""

    def __init__(self, code: str, message: str, **headers: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.headers = headers

    @property
    def status(self) -> int:
        return _STATUSES.get(self.code, 400)

    def response(self) -> web.Response:
        body: dict[str, Any] = {"error": self.code, "http_code": self.status, "message": self.message}
        return web.json_response(body, status=self.status, headers=self.headers)
