"""The parameters of an Assembly, as they are signed.

https://transloadit.com/docs/api/authentication/
"""

from datetime import UTC, datetime

from msgspec.json import encode

from broker.signing.decision import AssemblyParams


def write_params(order: AssemblyParams, auth_key: str, nonce: str, expires_at: int) -> str:
    """The JSON text of `params`. `expires_at` in seconds since the epoch.

    No member but these: `notify_url` and `redirect_url` would make api2 send what it signs with the same secret to a
    place of the caller's choice.
    """
    auth = {
        "key": auth_key,
        "expires": write_time(expires_at, "milliseconds"),
        "nonce": nonce,
        "max_size": order.max_size,
        "max_number_of_files": order.max_number_of_files,
    }
    params = {
        "auth": {name: value for name, value in auth.items() if value is not None},
        "template_id": order.template_id,
        "steps": order.steps,
        "fields": order.fields,
    }
    return encode({name: value for name, value in params.items() if value}).decode()


def write_time(seconds: int, precision: str = "seconds") -> str:
    """A time in RFC 3339, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec=precision).replace("+00:00", "Z")
