"""The client's end outlives the exchanges that write to it."""

from __future__ import annotations

from typing import Any

from twisted_hoop.http.client_end import ClientEnd


class Part:
    """A transport, or a producer: remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.producer: Any = None

    def write(self, data: bytes) -> None:
        self.told.append(data)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")


def test_the_exchange_under_way_is_slowed_down_and_no_other() -> None:
    transport, first, second = Part(), Part(), Part()
    end = ClientEnd()
    end.made(transport)
    end.registerProducer(first, True)
    transport.producer.pauseProducing()
    assert end.full and first.told == ["pause"]
    end.unregisterProducer()
    end.registerProducer(second, True)
    assert second.told == ["pause"], "the client still takes nothing"
    transport.producer.resumeProducing()
    transport.producer.stopProducing()
    assert (first.told, second.told, end.full, end.resumed) == (["pause"], ["pause", "resume"], False, 1)


def test_it_reads_writes_and_does_not_close() -> None:
    transport = Part()
    end = ClientEnd()
    end.made(transport)
    end.write(b"x")
    end.pauseProducing()
    end.resumeProducing()
    end.loseConnection()
    assert transport.told == [b"x", "pause", "resume"]
