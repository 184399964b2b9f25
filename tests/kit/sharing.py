"""Two environments of one deployment, in memory, that share tokens by a table."""

from typing import Any

from broker.base.net import OutOfReach

from tests.kit.brokers import TOKEN_URL, InMemory, minted
from tests.kit.policies import rule
from tests.kit.rows import Rows
from tests.kit.web import reply

LIFE = 21600
LAST_RENEWAL = 0.85 * LIFE  # seconds after the mint
BUSY = reply(b"", 503)
REFUSED = reply({"error": "TOKEN_INVALID_CREDENTIALS"}, 401)


def pair(**changes: Any) -> tuple[InMemory, InMemory, Rows]:
    """Two environments and their table; mints give bearer-1, bearer-2, and so on."""
    rows = Rows()
    one = InMemory(rules=[rule(**changes)], rows=rows)
    one.web[TOKEN_URL] = lambda: minted(f"bearer-{one.mints}")
    return one, one.beside(), rows


def token(broker: InMemory, **fields: Any) -> tuple[str, str | None]:
    """The token that was handed out, and where it came from."""
    answer = broker.post(**fields)
    assert answer.status == 200, answer.body
    return answer.body["access_token"], broker.record.cache


def crash(broker: InMemory, rows: Rows) -> None:
    """Let this environment take the lease and end without giving it back."""

    def dies() -> Any:
        rows.fault = OutOfReach("timeout")
        return BUSY

    broker.web.then(TOKEN_URL, dies, dies)
    assert broker.post().status == 503
    rows.fault = None
    rows.calls.clear()
    assert len(rows.of("lease")) == 1
