"""The one error of this package."""


class TokenError(Exception):
    """There is no token. The message names the cause and the next step, and holds neither token nor JWT.

    `code` is stable. The broker's codes are those of its HTTP interface: `access_denied`, `invalid_scope`,
    `invalid_token`, `temporarily_unavailable` and so on. Codes of this package:

    - `bad_url`: the URL of the broker, or of Transloadit, is missing or must not be used;
    - `no_identity`, `two_identities`: what the environment holds cannot be chosen from;
    - `bad_identity`: the source of the identity gives no JWT;
    - `no_library`: a library that this identity needs is not installed;
    - `unreachable`: the broker, or the source of the identity, does not answer;
    - `bad_answer`: the answer is not a broker's.

    `status` (HTTP), `request_id` (for the operator of the broker) and `retry_after` (seconds) are None if the broker
    gave none.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        # From these it is made anew where it leaves its process. A pool of processes ends, or hangs, if it cannot be.
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after

    def __str__(self) -> str:
        return self.message

    @property
    def is_temporary(self) -> bool:
        """Whether the broker, or the source of the identity, is down or busy, and has refused nothing."""
        return self.code == "unreachable" or self.status == 429 or (self.status or 0) >= 500
