"""Whatever is in an entry becomes JSON, or one documented error."""

from __future__ import annotations

import json
from types import MappingProxyType

import pytest

from twisted_hoop.errors import RecordingFailed
from twisted_hoop.recording.plain import as_json


def test_what_json_does_not_know_is_written_out() -> None:
    value = {"raw": b"\xff", "set": {"b", "a"}, "lone": "\udc80", "huge": 1 << 80, "view": MappingProxyType({"x": 1})}
    assert json.loads(as_json(value)) == {
        "raw": "\\xff",
        "set": ["a", "b"],
        "lone": "\\udc80",
        "huge": str(1 << 80),
        "view": {"x": 1},
    }


def test_a_loop_is_an_error_and_not_a_crash() -> None:
    """Compiled, it would be one: nothing there counts how deep a call is."""
    loop: dict[str, object] = {}
    loop["again"] = [loop]
    with pytest.raises(RecordingFailed, match="JSON"):
        as_json(loop)
