"""Logs: one JSON object a line, which nothing a client sends can break or forge (R7), and which keeps no secret."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

import re2
from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    InvalidLogLevelError,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
)
from twisted.python.failure import Failure
from zope.interface import implementer

HIDDEN = "[hidden]"
MAX_TEXT = 1 << 16
"""Longest text of one field, in characters; what is longer is cut, and says so."""
MAX_DEPTH = 4
"""How deep lists and mappings in a field are followed."""

# RE2 and not `re`: clients choose these texts, and its time is linear in them (C8).
_SECRET_NAME: Any = re2.compile(
    r"(?i)(?:pass(?:word|wd|phrase)?|secret|token|authorization|cookie|credential|api_?key|private_?key)s?$"
)
_SECRET_TEXT: Any = re2.compile(
    r"(?i)(\b(?:Bearer|Basic)\s+)[A-Za-z0-9+/=._~-]{6,}"
    r"|(\b(?:password|passwd|secret|token|authorization)\s*[=:]\s*)(?:(?:Bearer|Basic)\s+)?(?:'[^']*'|\"[^\"]*\"|[^\s,;&]+)"
    r"|(\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{0,100}:)[^\s/@]+@"
    r"|()\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"
)


_TELLING = frozenset("=: \t\n\r")
"""Every other credential is told by one of these before it."""


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Whether a field of this name is never written: password, client_secret, access_token, authorization …"""
    return _SECRET_NAME.search(_utf8(name)) is not None


def _utf8(text: str) -> str:
    """RE2 reads UTF-8, in which a lone surrogate cannot be written."""
    return text.encode("utf-8", "backslashreplace").decode()


def scrub(text: str) -> str:
    """The text without what looks like a credential: JWTs, bearer tokens, `password=…`, passwords in URLs.

    A net below the names: it catches what reaches a message or a traceback by accident, and is no licence to log
    secrets.
    """
    if "eyJ" not in text and _TELLING.isdisjoint(text):
        return text  # a single word: an id, a name, an address
    return str(_SECRET_TEXT.sub(_hidden, _utf8(text)))


def _hidden(match: Any) -> str:
    kept = match[1] or match[2]
    if kept:
        return f"{kept}{HIDDEN}"
    return f"{match[3]}{HIDDEN}@" if match[3] else HIDDEN


@implementer(ILogObserver)
class JsonObserver:
    """Writes events to a stream as JSON lines: `time` (RFC 3339), `level`, `namespace`, `message`, then the fields.

    The fields `session`, `principal`, `target` are those to search for; every other field an event carries comes too,
    unless its name says it is a secret. A failure's traceback stands in `exception`. Output is ASCII: a line feed, an
    escape or a Unicode line separator in a field can neither end a line nor reach a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: LogEvent) -> None:
        """Write one event. Never raises: a log that fails must not end what it tells about."""
        try:
            line = to_line(event)
        except Exception as error:  # noqa: BLE001 - anything an event's repr may raise
            line = json.dumps({"level": "error", "message": f"an event could not be logged: {type(error).__name__}"})
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            return  # stderr is closed or its disk is full: there is nobody left to tell


def to_line(event: Mapping[str, Any]) -> str:
    """The line for an event, without its line feed."""
    clean = {name: HIDDEN if is_secret(name) else value for name, value in event.items()}
    level = event.get("log_level")
    line: dict[str, Any] = {
        "time": _time(event.get("log_time")),
        "level": str(getattr(level, "name", "info")),
        "namespace": str(event.get("log_namespace") or ""),
        "message": _text(formatEvent(clean)),
    }
    for name, value in clean.items():
        if not name.startswith("log_") and name not in _DULL:
            line.setdefault(name, _value(value, MAX_DEPTH))
    failure = event.get("log_failure")
    if isinstance(failure, Failure):
        line["exception"] = _text(failure.getTraceback())
    return json.dumps(line).replace("\x7f", "\\u007f")


_DULL = frozenset(("isError", "system", "message", "time", "format", "failure", "why", "log", "printed", "logLevel"))
"""What Twisted's old log adds to every event."""


def _time(seconds: object) -> str:
    when = datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, (int, float)) else datetime.now(UTC)
    return when.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _text(text: str) -> str:
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]}… [{len(text) - MAX_TEXT} characters more]"
    return scrub(text)


def _value(value: object, depth: int) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes):
        return _text(value.decode("utf-8", "backslashreplace"))
    if depth and isinstance(value, Mapping):
        return {str(k): HIDDEN if is_secret(str(k)) else _value(v, depth - 1) for k, v in value.items()}
    if depth and isinstance(value, (list, tuple, set, frozenset)):
        return [_value(item, depth - 1) for item in value]
    return _text(str(value))


def json_log(stream: TextIO, level: str = "info") -> Callable[[LogEvent], None]:
    """An observer for `globalLogBeginner.beginLoggingTo([…])`. `level` is debug, info, warn, error or critical.

    Raises ValueError for any other level.
    """
    try:
        lowest = LogLevel.levelWithName(level)
    except InvalidLogLevelError as error:
        raise ValueError(f"no such log level: {level}") from error
    return FilteringLogObserver(JsonObserver(stream), [LogLevelFilterPredicate(defaultLogLevel=lowest)])
