"""Environments that start for real, each with one exchange to do: `python -m tests.bench.fleet.starts < orders`.

Threads stand for environments: each puts together all that `wiring` makes, and shares nothing with the others but
what is outside, over sockets.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from broker.base.audit import AuditRecord
from broker.base.invocation import Invocation
from broker.base.progress import Deadline
from broker.base.settings import read_settings
from broker.early import begin_start
from broker.request.request import read_token_request
from broker.wiring import build, by_jwt

from tests.kit.forms import by_header


def start(policy: Path, jwt: str, after: float, records: list[AuditRecord]) -> None:
    """One environment, that many seconds from now."""
    time.sleep(after)
    broker = build(read_settings(os.environ), records.append, by_jwt, begin_start(policy_file=policy))
    broker.prepare()
    invocation, deadline = Invocation("start", True, None), Deadline(time.time, 15)
    broker.exchange.give_token("start", lambda: read_token_request(by_header(jwt)), invocation, deadline)


def main(orders: Mapping[str, Any]) -> None:
    records: list[AuditRecord] = []
    threads = [
        threading.Thread(target=start, args=(Path(orders["policy"]), orders["jwt"], after, records))
        for after in orders["after"]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [(record.outcome, record.cache, record.milliseconds) for record in records]
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(json.load(sys.stdin))
