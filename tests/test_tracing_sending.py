"""Spans on their way to a collector: in pieces, bounded, and never waited for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.gateway import wait_for
from tests.support.loop import Loop
from tests.support.otlp import Collector, attributes, collecting
from twisted_hoop.settings import TracingSection
from twisted_hoop.tracing.sending import KEPT, PIECE, Sender
from twisted_hoop.tracing.spans import Span, new_span


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


def span(name: str = "s") -> Span:
    return Span("a" * 32, new_span(), "", name, 1, 1, 2, {"hoop.rows": 1})


def sender(loop: Loop, url: str, **section: Any) -> Sender:
    async def resolve(reference: str) -> str:
        return f"Bearer {reference}"

    made = TracingSection(url=url, every=0.1, **section)
    found: Sender = loop.run(lambda: _made(loop, made, resolve))
    return found


async def _made(loop: Loop, section: TracingSection, resolve: Any) -> Sender:
    made = Sender(loop.reactor, section, {"service.name": "hoop"}, resolve)
    made.start()
    return made


async def added(sender: Sender, count: int) -> None:
    for _ in range(count):
        sender.add(span())


def test_they_arrive_with_what_proves_who_sent_them(loop: Loop, collector: Collector) -> None:
    made = sender(loop, collector.url, authorization="env:X")
    loop.run(lambda: added(made, PIECE + 3))
    wait_for(lambda: len(collector.spans()) == PIECE + 3, "all spans")
    assert collector.headers[0]["authorization"] == "Bearer env:X"
    assert collector.headers[0]["content-type"] == "application/json"
    assert attributes(collector.spans()[0]) == {"hoop.rows": "1"} and made.dropped == 0
    loop.run(made.stop)


def test_what_is_left_is_sent_at_the_end(loop: Loop, collector: Collector) -> None:
    async def late() -> None:
        made._loop.stop()
        await added(made, 5)
        await made.stop()

    made = sender(loop, collector.url)
    loop.run(late)
    assert len(collector.spans()) == 5


def test_a_collector_that_refuses_or_is_away_costs_spans(loop: Loop, collector: Collector) -> None:
    collector.status = 503
    refused, away = sender(loop, collector.url), sender(loop, "http://127.0.0.1:1/v1/traces")
    for each in (refused, away):
        loop.run(lambda made=each: added(made, 4))  # type: ignore[misc]
        wait_for(lambda made=each: made.dropped == 4, "the spans to be dropped")  # type: ignore[misc]
        loop.run(each.stop)


def test_what_waits_has_an_end(loop: Loop) -> None:
    async def flood() -> None:
        made._loop.stop()
        await added(made, KEPT + 9)

    made = sender(loop, "http://127.0.0.1:1/v1/traces")
    loop.run(flood)
    assert made.dropped == 9 and len(made._waiting) == KEPT
