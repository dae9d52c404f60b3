"""Waiting for slow readers."""

from __future__ import annotations

from twisted.internet.interfaces import IPushProducer
from zope.interface.verify import verifyObject

from twisted_hoop.web.sending import Tap


def test_a_tap_is_open_paused_and_closed() -> None:
    tap = Tap()
    assert verifyObject(IPushProducer, tap)
    assert tap.open().called
    tap.pauseProducing()
    tap.pauseProducing()
    waiting = tap.open()
    assert not waiting.called
    tap.resumeProducing()
    tap.resumeProducing()
    assert waiting.called and tap.open().called
    tap.pauseProducing()
    last = tap.open()
    tap.stopProducing()
    assert last.called and tap.closed
