"""The OpenID provider of compose.yaml: the development issuer, which believes everybody. NEVER for production.

It is at http://127.0.0.1:ISSUER_PORT for browsers of this machine, and for the gateway, whose network it shares.
Compose publishes the port on loopback only.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from twisted_hoop.demo.issuer import DevelopmentIssuer, make_site
from twisted_hoop.demo.keyring import mint, open_keyring

FOLDER = Path(os.environ.get("ISSUER_FOLDER", "/run/quickstart"))
USAGE = "usage: provider.py serve | token WHO [AGENT]"


def url() -> str:
    """What its tokens say who made them."""
    return f"http://127.0.0.1:{port()}"


def port() -> int:
    """Where it listens."""
    return int(os.environ.get("ISSUER_PORT") or "18081")


async def serve(reactor: Any) -> None:
    """Until it is stopped."""
    issuer = DevelopmentIssuer(open_keyring(FOLDER / "keys", url()))
    reactor.listenTCP(port(), make_site(issuer), interface="0.0.0.0")  # noqa: S104 - a container's own addresses
    print(f"tokens are to be had at {url()}", flush=True)
    await Deferred()


def main(words: list[str]) -> None:
    """`serve`, or `token WHO [AGENT]`: print a token of an hour for somebody, or for an agent acting for somebody."""
    if words == ["serve"]:
        react(lambda reactor: Deferred.fromCoroutine(serve(reactor)))
    elif 2 <= len(words) <= 3 and words[0] == "token":
        try:
            print(mint(FOLDER / "keys", words[1], words[2] if len(words) == 3 else None, issuer=url()))
        except KeyError:
            raise SystemExit(f"there is nobody called {words[-1]}: alice, bob, carol, ci-bot, agent-7") from None
    else:
        raise SystemExit(USAGE)


if __name__ == "__main__":
    main(sys.argv[1:])
