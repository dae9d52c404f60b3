"""`python -m twisted_hoop.demo`: a gateway, a database and people to try it with, in two minutes, on this machine."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from twisted_hoop.demo.place import DemoFailed, Place, Ports
from twisted_hoop.demo.tour import printed
from twisted_hoop.demo.world import World


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__, epilog="Ctrl-C stops everything it started.")
    parser.add_argument("--check", action="store_true", help="run every command of the tour; exit code 1 if one fails")
    parser.add_argument("--folder", type=Path, default=Path(".demo"), help="where everything is kept (default: .demo)")
    for name, what in (
        ("--port", "where psql connects"),
        ("--api-port", "the gateway's API"),
        ("--issuer-port", "the OpenID provider"),
        ("--postgres-port", "the database behind the gateway"),
    ):
        parser.add_argument(
            name, type=_port, default=0, metavar="PORT", help=f"{what} (default 0: last time's or free)"
        )
    return parser.parse_args(words)


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number < 65536:
        raise ValueError
    return number


def _say(line: str) -> None:
    print(line, flush=True)


async def _run(reactor: Any, options: argparse.Namespace) -> None:
    began = time.monotonic()
    asked = Ports(options.port, options.api_port, options.issuer_port, options.postgres_port)
    world = World(reactor, Place(options.folder.resolve()), asked, _say)
    reactor.addSystemEventTrigger("before", "shutdown", world.stop)
    await _signals_are_heard(reactor)
    try:
        await world.start()
        _say(f"ready in {time.monotonic() - began:.1f} seconds")
        if options.check:
            raise SystemExit(0 if await _checked(world) else 1)
    except (DemoFailed, OSError) as problem:
        _say(f"demo: {problem}")
        raise SystemExit(1) from None
    for piece in printed(world.tour().chapters()):
        _say(piece)
    _say(f"\nThe rules and masks behind this: {options.folder}/demo.toml. Ctrl-C stops everything.")
    await Deferred()


def _signals_are_heard(reactor: Any) -> Deferred[None]:
    """Until the reactor runs, a Ctrl-C would be swallowed by whatever it meets: nothing is started before."""
    running: Deferred[None] = Deferred()
    reactor.callWhenRunning(running.callback, None)
    return running


async def _checked(world: World) -> bool:
    well = await world.check()
    _say("the tour does what it says" if well else "the tour does NOT do what it says")
    return well


def main(words: list[str]) -> None:
    """Run until Ctrl-C or SIGTERM, or through the checks."""
    options = _arguments(words)
    react(lambda reactor: Deferred.fromCoroutine(_run(reactor, options)))


if __name__ == "__main__":
    main(sys.argv[1:])
