"""An HTTP server on loopback in a broker's place, which answers as a test says. The client's tests run on Python 3.11
too, with nothing but it and pytest, so that this file and they are written for it."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

Answer = tuple[int, dict[str, str], bytes]  # status, headers, body
TOKEN = {"access_token": "bearer-1", "token_type": "Bearer", "expires_in": 21_600, "scope": "assemblies:read"}


def make_jwt(**claims: Any) -> str:
    """A text in the form of a JWT, with these claims and no true signature."""
    parts = ({"alg": "RS256"}, claims)
    head, payload = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    return f"{head}.{payload}.c2ln"


def token(number: int = 1, seconds: int = 21_600) -> dict[str, Any]:
    return {**TOKEN, "access_token": f"bearer-{number}", "expires_in": seconds}


@dataclass
class Call:
    """A request as it came. The names of its headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: str

    @property
    def fields(self) -> dict[str, str]:
        return dict(parse_qsl(self.body))

    @property
    def jwt(self) -> str:
        return self.headers["authorization"].removeprefix("Bearer ")


@dataclass
class TokenServer:
    """Give the answers with `then`, or one way to answer all calls: `answer`, whose None ends the connection."""

    origin: str = ""
    calls: list[Call] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    answer: Callable[[Call], Answer | None] | None = None

    def then(self, answer: Any, status: int = 200, **headers: str) -> "TokenServer":
        """Then answer so, the last one for ever: a value as JSON, bytes as they are."""
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.answers.append((status, headers, body))
        return self

    def take(self, call: Call) -> Answer | None:
        self.calls.append(call)
        if self.answer:
            return self.answer(call)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def token_server() -> Iterator[TokenServer]:
    """Serve as long as the context."""
    told = TokenServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            call = Call(self.command, self.path, headers, self.rfile.read(size).decode())
            answer = told.take(call)
            if answer is None:
                self.close_connection = True
                return
            status, given, body = answer
            self.send_response_only(status)
            for name, value in given.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    told.origin = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
