"""`twistd hoop --config FILE`: options, log, signals, and the service."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.application.service import IService
from twisted.python.usage import Options as BaseOptions
from twisted.python.usage import UsageError

from twisted_hoop.errors import HoopError

_TWISTD = "from twisted.scripts.twistd import run; run()"
LEVELS = ("debug", "info", "warn", "error", "critical")


class Options(BaseOptions):
    """The command line. Everything else stands in the configuration file."""

    synopsis = "[options]"
    longdesc = (
        "Runs the gateway that the configuration file describes. SIGHUP reloads it, SIGTERM stops it gracefully. "
        "Check a file beforehand with: hoop config check FILE"
    )
    optParameters = [
        ["config", "c", "/etc/hoop/hoop.toml", "The configuration file."],
        ["log", None, "json", "How lines are logged: json or text."],
        ["log-level", None, "info", "debug, info, warn, error or critical."],
    ]

    def postOptions(self) -> None:
        """Check what was given."""
        check_log(self)


def check_log(options: Any) -> None:
    """Look at `log` and `log-level`, and have twistd log so. UsageError for what cannot be."""
    if options["log"] not in ("json", "text"):
        raise UsageError("--log is json or text")
    if options["log-level"] not in LEVELS:
        raise UsageError(f"--log-level is one of {', '.join(LEVELS)}")
    parent = getattr(options, "parent", None)
    if options["log"] == "json" and parent is not None and not (parent.get("logger") or parent.get("logfile")):
        parent["logger"] = f"twisted_hoop.observability.log_levels.{options['log-level']}"


def makeService(options: Options) -> IService:
    """What twistd asks for. Here alone the reactor is looked up, to be passed on: ours, or what twistd was told."""
    choose_reactor()
    from twisted.internet import reactor  # noqa: TID251

    from twisted_hoop.gateway.service import make_service

    try:
        service = make_service(options["config"], reactor, os.environ, worker_command(options))
    except HoopError as error:
        raise SystemExit(f"hoop: {error}") from None
    _reload_on_hangup(service, reactor)
    _gather_metrics(service, reactor)
    return service


def worker_command(options: Options) -> Callable[[int], list[str]]:
    """How the worker of a number is started: as this process was, in the foreground, with a log file of its own."""
    outer: Any = getattr(options, "parent", None) or {}
    inner = ["hoop", "--config", options["config"], "--log", options["log"], "--log-level", options["log-level"]]

    def command(number: int) -> list[str]:
        told = [f"--logfile={outer['logfile']}.{number}"] if outer.get("logfile") not in (None, "-") else []
        told += ["--syslog", f"--prefix={outer.get('prefix') or 'hoop'}"] if outer.get("syslog") else []
        # -P: nothing is imported from the folder we happen to be in. PYTHONPATH says where we were imported from.
        return [sys.executable, "-P", "-c", _TWISTD, "-n", "--pidfile=", *told, *inner]

    return command


def choose_reactor() -> None:
    """Ours, unless there is one already (`twistd --reactor`), or this system has no epoll."""
    if "twisted.internet.reactor" not in sys.modules:
        with suppress(ImportError):
            from twisted_hoop.transport.reactor import install

            install()


def _reload_on_hangup(service: Any, reactor: Any) -> None:
    gateway = service.getServiceNamed("hoop")

    def hangup(*_: object) -> None:
        reactor.callFromThread(gateway.reload)

    reactor.callWhenRunning(signal.signal, signal.SIGHUP, hangup)


def _gather_metrics(service: Any, reactor: Any) -> None:
    """Of a worker: one scrape tells of all."""
    from twisted_hoop.workers.gathering import Gathering
    from twisted_hoop.workers.in_force import read_settings
    from twisted_hoop.workers.place import worker_of

    place = worker_of(os.environ)
    if place is not None and place.settings:
        gateway, settings = service.getServiceNamed("hoop"), read_settings(Path(place.settings))
        state = Path(settings.gateway.state)
        Gathering(reactor, gateway.ground.metrics, state, place.number).setServiceParent(service)  # type: ignore[no-untyped-call]
