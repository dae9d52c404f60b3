"""A gateway put together in the test's own process: its file, its parts alone, or all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.loop import Loop
from twisted_hoop.config import load
from twisted_hoop.gateway.ground import Ground
from twisted_hoop.gateway.service import GatewayService, make_service

TEXT = """\
[gateway]
state = "state"
stop_timeout = "1s"
[[listeners]]
name = "pg"
protocol = "postgres"
endpoint = "tcp:0:interface=127.0.0.1"
tls = "optional"
[[issuers]]
name = "corp"
issuer = "https://issuer.test"
audience = ["hoop"]
jwks = "jwks.json"
"""


def written(folder: Path, more: str = "") -> Path:
    """The configuration of a small gateway, with what it names."""
    path = folder / "hoop.toml"
    path.write_text(TEXT + more)
    (folder / "jwks.json").write_text('{"keys": []}')
    return path


def ground_of(
    loop: Loop, folder: Path, more: str = "", environ: dict[str, str] | None = None, number: int | None = None
) -> Ground:
    """What all parts of that gateway stand on; its store is not started."""
    path = written(folder, more)
    return loop.run(lambda: Ground(path, load(path), loop.reactor, environ or {}, lambda session, why: None, number))


@contextmanager
def started_ground(loop: Loop, folder: Path, more: str = "", number: int | None = None) -> Iterator[Ground]:
    """The same with its store, until the block is left."""
    ground = ground_of(loop, folder, more, number=number)
    loop.run(ground.database.start)
    try:
        yield ground
    finally:
        loop.run(ground.database.stop)


def made(loop: Loop, path: Path) -> GatewayService:
    """The whole of it, not started."""
    parent: Any = loop.run(lambda: make_service(str(path), loop.reactor, {}))
    service: GatewayService = parent.getServiceNamed("hoop")
    return service
