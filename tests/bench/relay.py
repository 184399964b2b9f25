"""Distance on one machine: a relay that lets each flight take its time, and one that ends TLS and delays answers."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

_CHUNK = 65_536


@dataclass
class Distance:
    """How far away a party is, in seconds; read anew for each connection.

    `trip`: each round trip of the wire costs it, the two of a new TLS connection as well.
    `answer`: each answer comes that much later, connections cost nothing.
    """

    trip: float = 0
    answer: float = 0


@dataclass
class Relay:
    """In front of a plain server on `target`; `port` speaks TLS."""

    target: int
    tls: ssl.SSLContext
    distance: Distance = field(default_factory=Distance)
    requests: int = 0  # that went through
    _servers: list[asyncio.Server] = field(default_factory=list)

    async def start(self, port: int) -> None:
        inner = await asyncio.start_server(self._answering, "127.0.0.1", 0, ssl=self.tls)
        self._inner = inner.sockets[0].getsockname()[1]
        self._servers = [inner, await asyncio.start_server(self._delay, "127.0.0.1", port)]

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
            server.close_clients()
            await server.wait_closed()

    async def _delay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The wire: half a round trip each way, and one for TCP's own handshake."""
        trip = self.distance.trip
        await asyncio.sleep(trip)
        await _join(reader, writer, self._inner, there=trip / 2, back=trip / 2)

    async def _answering(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _join(reader, writer, self.target, there=0, back=self.distance.answer, saw=self._count)

    def _count(self, chunk: bytes) -> None:
        self.requests += chunk.count(b" HTTP/1.1\r\n")


async def _join(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    port: int,
    *,
    there: float,
    back: float,
    saw: Callable[[bytes], object] = len,
) -> None:
    """Pass bytes on in both directions until either side hangs up. `saw` is called with the bytes of the first one."""
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    ways = [
        asyncio.create_task(_pipe(reader, far_writer, there, saw)),
        asyncio.create_task(_pipe(far_reader, writer, back, len)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        for end in (writer, far_writer):
            end.close()


async def _pipe(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float, saw: Callable[[bytes], object]
) -> None:
    """What comes in goes out that much later."""
    loop = asyncio.get_running_loop()
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            saw(chunk)
            if seconds:
                loop.call_later(seconds, writer.write, chunk)
            else:
                writer.write(chunk)
        await asyncio.sleep(seconds)
