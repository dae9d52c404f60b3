"""What a transport costs by itself: ping-pong and bulk echo, eager against Twisted's own and against raw sockets.

    python benchmarks/transport.py [--quick] [--json] [--only PATTERN]

`raw` is a blocking Python socket, the least there can be; `stock` Twisted's transports (pyOpenSSL over memory buffers
for TLS); `eager` ours. They take turns within one run; `ratio` is the speed against raw. CPU is the server's own.
"""

from __future__ import annotations

import argparse
import re
import shutil
import socket
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import harness
from harness.measure import Samples, latency_rows, speed_rows, take_turns, timed
from harness.processes import Measured, free_port
from harness.rows import Row, as_json, as_line, heading

from tests.support.transports import Certificates, make_certificates

_PIECES = 256  # of 64 KiB: 16 MiB


@dataclass(frozen=True, slots=True)
class Server:
    """One echo server."""

    name: str
    port: int
    process: Measured
    ca: str = ""

    def connect(self) -> socket.socket:
        """A connection, with TLS when the server has it."""
        sock = socket.create_connection(("127.0.0.1", self.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(20)
        if not self.ca:
            return sock
        return ssl.create_default_context(cafile=self.ca).wrap_socket(sock, server_hostname="localhost")


@contextmanager
def servers(tls: bool) -> Iterator[list[Server]]:
    """The three, running."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="hoop-echo-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        files = make_certificates(folder) if tls else None
        yield [_start(kind, folder, files, stack) for kind in ("raw", "stock", "eager")]


def _start(kind: str, folder: Path, files: Certificates | None, stack: ExitStack) -> Server:
    port = free_port()
    script = str(Path(__file__).parent / "harness" / "echo.py")
    process = Measured(
        [sys.executable, script, kind, str(port), *((files.cert, files.key) if files else ())],
        folder / f"{kind}.log",
        {"PYTHONPATH": str(harness.ROOT)},
    )
    stack.callback(process.stop)
    process.wait_for(port)
    return Server(f"{kind} tls" if files else kind, port, process, files.ca if files else "")


def ping_pong(places: Sequence[Server], rounds: int, size: int) -> dict[str, Samples]:
    """One message there and back, again and again."""
    wires = {place.name: place.connect() for place in places}
    message = b"x" * size

    def one(wire: socket.socket) -> None:
        wire.sendall(message)
        missing = size
        while missing:
            missing -= len(wire.recv(missing))

    def turn(place: Server, samples: Samples) -> None:
        samples.times += [timed(partial(one, wires[place.name])) for _ in range(20)]
        samples.units += 20

    seen = take_turns(places, rounds, turn)
    for wire in wires.values():
        wire.close()
    return seen


def bulk(places: Sequence[Server], rounds: int) -> dict[str, Samples]:
    """Pieces of 64 KiB, four on their way at a time."""
    piece = b"x" * 65536

    def pour(wire: socket.socket) -> None:
        for _ in range(_PIECES // 4):
            for _ in range(4):
                wire.sendall(piece)
            missing = 4 * len(piece)
            while missing:
                missing -= len(wire.recv(min(65536, missing)))

    def turn(place: Server, samples: Samples) -> None:
        with place.connect() as wire:
            samples.times.append(timed(lambda: pour(wire)))
        samples.units += _PIECES // 16

    return take_turns(places, rounds, turn)


def works(places: Sequence[Server], suffix: str, quick: bool) -> Iterable[tuple[str, Callable[[], Iterable[Row]]]]:
    """Names, and how to do them."""
    rounds = 20 if quick else 300
    for size in (100, 10_000):
        name = f"ping-pong {size} B{suffix}"
        yield name, lambda name=name, size=size: latency_rows(name, ping_pong(places, rounds, size))
    yield f"echo 16 MiB{suffix}", lambda: speed_rows(f"echo 16 MiB{suffix}", bulk(places, 2 if quick else 10), "MiB/s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few seconds")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--only", default="", metavar="PATTERN", help="works whose name matches")
    given = parser.parse_args()
    show = as_json if given.json else as_line
    if not given.json:
        print(heading(" ".join(["python benchmarks/transport.py", *sys.argv[1:]])))
    for tls in (False, True):
        with servers(tls) as places:
            for name, work in works(places, " tls" if tls else "", given.quick):
                for row in work() if re.search(given.only, name) else ():
                    print(show(row), flush=True)


if __name__ == "__main__":
    main()
