"""JSON as values and back: quickly, or else exactly as RFC 8259 has it. Pure."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson


def loads(data: bytes) -> Any:
    """The value. Raises ValueError for what is no JSON, or is nested too deep to be looked at."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    try:  # halves of surrogate pairs
        return json.loads(data, parse_constant=_no_constant, parse_float=_number)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def dumps(value: Any) -> bytes:
    """The value in the shortest form. Raises ValueError when it is nested too deep."""
    try:
        return orjson.dumps(value)
    except TypeError:
        pass
    try:
        return json.dumps(value, separators=(",", ":")).encode()
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
