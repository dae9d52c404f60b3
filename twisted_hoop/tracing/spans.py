"""Spans, and how OTLP writes them in JSON. Pure.

Sources: OTLP 1.x (JSON encoding of `ExportTraceServiceRequest`: ids in hex, 64-bit numbers as text), W3C Trace Context.
No text of a command, parameter, name of an object or value is ever in a span, masked or not (R11): who reads traces
need not be who may read recordings.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Union

Value = Union[str, int, bool, float]
SERVER, CLIENT, INTERNAL = 2, 3, 1
_ERROR = 2
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Span:
    """One span that is over. Ids are in hex: 32 characters of the trace, 16 of the span; times in ns since 1970."""

    trace: str
    ident: str
    parent: str
    name: str
    kind: int
    began: int
    ended: int
    attributes: Mapping[str, Value] = field(default_factory=dict)
    failed: bool = False


def new_trace() -> str:
    """16 random bytes; never all zero."""
    return secrets.token_hex(16)


def new_span() -> str:
    """8 random bytes."""
    return secrets.token_hex(8)


def request_of(spans: Iterable[Span], resource: Mapping[str, Value], version: str) -> bytes:
    """The body of one export."""
    scope = {"scope": {"name": "twisted-hoop", "version": version}, "spans": [_span(span) for span in spans]}
    whole = {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": [scope]}]}
    return json.dumps(whole, separators=(",", ":")).encode("ascii")


def _span(span: Span) -> dict[str, Any]:
    found: dict[str, Any] = {
        "traceId": span.trace,
        "spanId": span.ident,
        "name": span.name[:_LONGEST],
        "kind": span.kind,
        "startTimeUnixNano": str(span.began),
        "endTimeUnixNano": str(max(span.began, span.ended)),
        "attributes": _attributes(span.attributes),
    }
    if span.parent:
        found["parentSpanId"] = span.parent
    if span.failed:
        found["status"] = {"code": _ERROR}
    return found


def _attributes(values: Mapping[str, Value]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": "".join(c if c.isprintable() else "?" for c in value[:_LONGEST])}
