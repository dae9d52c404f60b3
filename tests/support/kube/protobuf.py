"""Protobuf bodies of Kubernetes: an envelope, and objects by a table of fields (field numbers as in generated.proto).

A message is {number: (name, type)}. Types: `string`, `bytes` (base64 in JSON), `int`, `bool`, `map:TYPE`, `[TYPE]`,
`time`, `intstr`, or the name of another message. Unknown fields are dropped in reading.
"""

from __future__ import annotations

import base64
import datetime
from typing import Any

from tests.support.kube.errors import ApiError, Json
from tests.support.kube.fields import MESSAGES

MAGIC = b"k8s\x00"
MEDIA_TYPE = "application/vnd.kubernetes.protobuf"


def known(kind: str) -> bool:
    """Whether objects of a kind can be written."""
    return kind in MESSAGES or kind.removesuffix("List") in MESSAGES


def encode(item: Json) -> bytes:
    """An object in its envelope."""
    kind = str(item["kind"])
    if kind.endswith("List") and kind not in MESSAGES:
        each = kind.removesuffix("List")
        raw = _field(1, _message(item.get("metadata", {}), "ListMeta"))
        raw += b"".join(_field(2, _message(one, each)) for one in item["items"])
    else:
        raw = _message(item, kind)
    about = _field(1, str(item["apiVersion"]).encode()) + _field(2, kind.encode())
    return MAGIC + _field(1, about) + _field(2, raw) + _field(3, b"") + _field(4, b"")


def decode(data: bytes) -> Json:
    """The object in an envelope; 415 for a kind that is not in the table."""
    if not data.startswith(MAGIC):
        raise ApiError(400, "BadRequest", "the body is no protobuf of Kubernetes")
    outer = dict(_split(data[4:]))
    about = {number: bytes(value).decode() for number, value in _split(outer.get(1, b""))}
    kind = about.get(2, "")
    if kind not in MESSAGES:
        raise ApiError(415, "UnsupportedMediaType", f"this server reads no protobuf of kind {kind!r}")
    return {"kind": kind, "apiVersion": about.get(1, ""), **_read(bytes(outer.get(2, b"")), kind)}


def event(type_: str, item: Json) -> bytes:
    """A watch event with its length before it."""
    raw = encode(item)
    body = _field(1, type_.encode()) + _field(2, _field(1, raw))
    about = _field(1, b"v1") + _field(2, b"WatchEvent")
    whole = MAGIC + _field(1, about) + _field(2, body)
    return len(whole).to_bytes(4, "big") + whole


# -- writing ------------------------------------------------------------------------------------------------------


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _message(item: Json, name: str) -> bytes:
    out = b""
    if name == "KeySelector":  # the reference is embedded: its name stands beside the key in JSON
        item = {**item, "_reference": {"name": item.get("name", "")}}
    for number, (field, type_) in MESSAGES[name].items():
        if item.get(field) is not None:
            out += _value(number, item[field], type_)
    return out


def _value(number: int, value: Any, type_: str) -> bytes:
    if type_.startswith("["):
        return b"".join(_value(number, each, type_[1:-1]) for each in value)
    if type_.startswith("map:"):
        pairs = (_field(1, key.encode()) + _value(2, each, type_[4:]) for key, each in value.items())
        return b"".join(_field(number, pair) for pair in pairs)
    match type_:
        case "int" | "bool":
            return _varint(number << 3) + _varint(int(value))
        case "string":
            return _field(number, str(value).encode())
        case "bytes":
            return _field(number, base64.b64decode(value))
        case "time":
            moment = datetime.datetime.fromisoformat(str(value).replace("Z", "+00:00"))
            return _field(number, _varint(8) + _varint(int(moment.timestamp())))
        case "intstr" if isinstance(value, int):
            return _field(number, b"\x08\x00\x10" + _varint(value))
        case "intstr":
            return _field(number, b"\x08\x01" + _field(3, str(value).encode()))
        case _:
            return _field(number, _message(value, type_))


# -- reading ------------------------------------------------------------------------------------------------------


def _split(data: bytes) -> list[tuple[int, Any]]:
    found: list[tuple[int, Any]] = []
    at = 0
    while at < len(data):
        tag, at = _number(data, at)
        if tag & 7 == 0:
            value, at = _number(data, at)
            found.append((tag >> 3, value))
        elif tag & 7 == 2:
            size, at = _number(data, at)
            found.append((tag >> 3, data[at : at + size]))
            at += size
        else:
            at += 8 if tag & 7 == 1 else 4
    return found


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data):
            raise ApiError(400, "BadRequest", "the protobuf ends early")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _read(data: bytes, name: str) -> Json:
    found: Json = {}
    fields = MESSAGES[name]
    for number, value in _split(data):
        if number not in fields:
            continue
        field, type_ = fields[number]
        if type_.startswith("["):
            found.setdefault(field, []).append(_told(value, type_[1:-1]))
        elif type_.startswith("map:"):
            pair = dict(_split(value))
            found.setdefault(field, {})[bytes(pair.get(1, b"")).decode()] = _told(pair.get(2, b""), type_[4:])
        elif (told := _told(value, type_)) not in ("", None):
            found[field] = told
    found.update(found.pop("_reference", {}))
    return found


def _told(value: Any, type_: str) -> Any:
    match type_:
        case "string":
            return bytes(value).decode()
        case "bytes":
            return base64.b64encode(value).decode()
        case "int":
            return value - (1 << 64) if value >= 1 << 63 else value
        case "bool":
            return bool(value)
        case "time":
            seconds = dict(_split(value)).get(1)
            moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC) if seconds else None
            return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
        case "intstr":
            parts = dict(_split(value))
            return bytes(parts.get(3, b"")).decode() if parts.get(1) else parts.get(2, 0)
        case _:
            return _read(value, type_)
