"""Traces of a process: none, or over its recorder."""

from __future__ import annotations

from typing import Any

from tests.support.loop import Loop
from twisted_hoop.settings import Settings
from twisted_hoop.tracing.recorder import TracedRecorder
from twisted_hoop.tracing.tracer import Tracer


async def resolve(reference: str) -> str:
    return reference


def made(loop: Loop, watched: list[str], **tracing: Any) -> Tracer:
    async def go() -> Tracer:
        settings = Settings.model_validate({"tracing": tracing})
        return Tracer(loop.reactor, settings, "r1", resolve, lambda name, what, read: watched.append(name))

    found: Tracer = loop.run(go)
    return found


def test_without_a_collector_nothing_is_in_the_way(loop: Loop) -> None:
    watched: list[str] = []
    tracer = made(loop, watched)
    recorder: Any = object()
    assert tracer.over(recorder) is recorder and watched == []
    tracer.start()
    loop.run(tracer.stop)


def test_with_one(loop: Loop) -> None:
    watched: list[str] = []
    tracer = made(loop, watched, url="http://127.0.0.1:1/v1/traces")
    recorder: Any = object()
    assert isinstance(tracer.over(recorder), TracedRecorder) and watched == ["hoop_spans_dropped"]
    loop.run(tracer.stop)
