"""AWS for a fleet, over HTTP in a process of its own: one table, one secret. `python -m tests.bench.fleet.table PORT`.

moto's server would take ten times as long for each of some hundred thousand calls.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web
from broker.base.net import Answer, Call

from infra.sam import ROOT
from local.loopback.processes import end_with_parent, free_ports, is_free
from tests.kit.brokers import secret
from tests.kit.rows import Rows

START_SECONDS = 20.0


def app(rows: Rows) -> web.Application:
    async def answer(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(request.method, str(request.url), 0, 0, headers, await request.read())
        is_secret = headers["x-amz-target"].startswith("secretsmanager.")
        given: Answer = secret() if is_secret else rows.answer(call)
        return web.Response(status=given.status, body=given.body)

    made = web.Application()
    made.router.add_post("/", answer)
    return made


@contextmanager
def serve() -> Iterator[str]:
    """The URL of an empty table, as long as the context. Raises RuntimeError when it does not start."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "tests.bench.fleet.table", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, preexec_fn=end_with_parent)
    try:
        ends_at = time.monotonic() + START_SECONDS
        while is_free(port):
            if process.poll() is not None or time.monotonic() > ends_at:
                raise RuntimeError("the table did not start")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    web.run_app(app(Rows()), host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
