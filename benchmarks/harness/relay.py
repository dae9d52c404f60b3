"""A dumb TCP proxy on Twisted's stock transports, for comparison: `python relay.py PORT TARGET_PORT`."""

from __future__ import annotations

import sys

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTCP
from twisted.protocols.portforward import ProxyFactory

if __name__ == "__main__":
    running: IReactorTCP = reactor  # type: ignore[assignment]
    factory = ProxyFactory("127.0.0.1", int(sys.argv[2]))
    factory.noisy = False
    running.listenTCP(int(sys.argv[1]), factory, interface="127.0.0.1")
    reactor.run()  # type: ignore[attr-defined]
