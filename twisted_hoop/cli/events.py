"""Server-sent events from the API, for commands that watch: the stream is parsed, and opened again when it breaks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from twisted_hoop.cli.exits import UNREACHABLE, CommandFailed

PAUSE = 3.0
"""Seconds before a broken stream is opened again."""


def parse(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(event, data) of each event whose data is a JSON object; comments and what is not ours are passed over.

    Source: the HTML standard, section 9.2.6.
    """
    name, data = "message", ""
    for line in lines:
        if line:
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                name = value
            elif field == "data":
                data = f"{data}\n{value}" if data else value
            continue
        found = _object(data)
        if found is not None:
            yield name, found
        name, data = "message", ""


def _object(data: str) -> dict[str, Any] | None:
    try:
        found = json.loads(data) if data else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def watch(
    stream: Callable[[str], Iterable[str]],
    path: str,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Events until the command is interrupted; "begin" whenever the stream begins: read the lists anew.

    A refusal ends it; a connection that breaks, once it stood, does not.
    """
    stood = False
    while True:
        try:
            lines = stream(path)
            stood = True
            yield "begin", {}
            yield from parse(lines)
        except CommandFailed as fault:
            if not stood or fault.exit_code != UNREACHABLE:
                raise
        pause(PAUSE)
