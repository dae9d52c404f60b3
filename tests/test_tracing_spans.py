"""Spans as OTLP writes them in JSON."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.tracing.spans import SERVER, Span, new_span, new_trace, request_of

values = st.text() | st.integers(-(2**62), 2**62) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
spans = st.builds(
    Span,
    st.just("a" * 32),
    st.just("b" * 16),
    st.sampled_from(["", "c" * 16]),
    st.text(),
    st.sampled_from([1, 2, 3]),
    st.integers(0, 2**62),
    st.integers(0, 2**62),
    st.dictionaries(st.text(), values),
    st.booleans(),
)


def one(span: Span) -> dict[str, Any]:
    told = json.loads(request_of([span], {"service.name": "x"}, "1"))
    (resource,) = told["resourceSpans"]
    assert resource["resource"]["attributes"] == [{"key": "service.name", "value": {"stringValue": "x"}}]
    (scope,) = resource["scopeSpans"]
    assert scope["scope"] == {"name": "twisted-hoop", "version": "1"}
    found: dict[str, Any] = scope["spans"][0]
    return found


def test_what_a_collector_reads() -> None:
    span = Span("a" * 32, "b" * 16, "c" * 16, "session shop", SERVER, 1, 2, {"n": 5, "yes": True, "x": 0.5}, True)
    assert one(span) == {
        "traceId": "a" * 32,
        "spanId": "b" * 16,
        "parentSpanId": "c" * 16,
        "name": "session shop",
        "kind": 2,
        "startTimeUnixNano": "1",
        "endTimeUnixNano": "2",
        "attributes": [
            {"key": "n", "value": {"intValue": "5"}},
            {"key": "yes", "value": {"boolValue": True}},
            {"key": "x", "value": {"doubleValue": 0.5}},
        ],
        "status": {"code": 2},
    }


@given(spans)
def test_any_span_is_json_of_bounded_texts(span: Span) -> None:
    found = one(span)
    assert int(found["endTimeUnixNano"]) >= int(found["startTimeUnixNano"]) and len(found["name"]) <= 200
    for each in found["attributes"]:
        text = each["value"].get("stringValue", "")
        assert len(text) <= 200 and (text.isprintable())


def test_ids() -> None:
    assert re.fullmatch("[0-9a-f]{32}", new_trace()) and re.fullmatch("[0-9a-f]{16}", new_span())
    assert len({new_trace() for _ in range(50)}) == 50
