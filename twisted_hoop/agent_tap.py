"""`twistd hoop-agent [--config FILE]`: options, log, and the service."""

from __future__ import annotations

import os

from twisted.application.service import IService
from twisted.python.usage import Options as BaseOptions

from twisted_hoop.errors import HoopError
from twisted_hoop.tap import check_log, choose_reactor


class Options(BaseOptions):
    """The command line. Everything else stands in the configuration file, or in HOOP_AGENT."""

    synopsis = "[options]"
    longdesc = (
        "Runs an agent: it dials out to its gateway and connects to targets beside it, those its allow-list names. "
        "SIGTERM stops it gracefully. Without --config the environment variable HOOP_AGENT says what is needed."
    )
    optParameters = [
        ["config", "c", "", "The configuration file."],
        ["log", None, "json", "How lines are logged: json or text."],
        ["log-level", None, "info", "debug, info, warn, error or critical."],
    ]

    def postOptions(self) -> None:
        """Check what was given."""
        check_log(self)


def makeService(options: Options) -> IService:
    """What twistd asks for. Here alone the reactor is looked up, to be passed on: ours, or what twistd was told."""
    choose_reactor()
    from twisted.internet import reactor  # noqa: TID251

    from twisted_hoop.agent_service import make_agent_service

    try:
        return make_agent_service(options["config"], reactor, os.environ)
    except HoopError as error:
        raise SystemExit(f"hoop-agent: {error}") from None
