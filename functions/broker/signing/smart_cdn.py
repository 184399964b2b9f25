"""Smart CDN URLs, byte for byte as the vendor's `getSignedSmartCdnUrl` makes them.

https://transloadit.com/docs/topics/signature-authentication/#smart-cdn
"""

from collections.abc import Callable
from urllib.parse import quote, quote_plus

from broker.policy.conditions import Scalar
from broker.signing.decision import SmartCdnUrls


def write_urls(order: SmartCdnUrls, auth_key: str, expires_at: int, sign: Callable[[str], str]) -> list[str]:
    """The signed URL of each input. `expires_at` in seconds since the epoch; `sign` gives the HMAC in hex."""
    params: dict[str, Scalar] = {**order.params, "auth_key": auth_key, "exp": expires_at * 1000}
    # By their names, which are ASCII: so the order of bytes is that of JavaScript's UTF-16 units.
    query = "&".join(f"{_quote_query(name)}={_quote_query(_write(params[name]))}" for name in sorted(params))
    workspace, template = _quote_segment(order.workspace), _quote_segment(order.template)
    urls = []
    for text in order.inputs:
        path = f"{template}/{_quote_segment(text)}?{query}"
        signature = sign(f"{workspace}/{path}")
        urls.append(f"{order.origin}/{path}&sig=sha256%3A{signature}")
    return urls


def _write(value: Scalar) -> str:
    """The value as JavaScript prints it. The policy and the request have texts, booleans and safe integers only."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quote_segment(text: str) -> str:
    """As `encodeURIComponent` (ECMA-262 section 19.2.6.4): a slash of an input is not one of the path."""
    return quote(text, safe="-_.!~*'()")


def _quote_query(text: str) -> str:
    """As the serializer of forms (https://url.spec.whatwg.org/#urlencoded-serializing)."""
    # Python never quotes a tilde.
    return quote_plus(text, safe="*-._").replace("~", "%7E")
