"""How bodies are read, by what their headers say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.http.mediatypes import Look, encoding_of, look_of, looks_like_text, readable
from twisted_hoop.http.messages import RequestHead


def look(*types: str) -> Look:
    """The look of a body with these Content-Types."""
    return look_of(tuple((b"content-type", each.encode("latin-1")) for each in types))


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ("application/json", Look.JSON),
        ('Application/JSON; charset="UTF-8"', Look.JSON),
        ("application/problem+json", Look.JSON),
        ("application/vnd.api+json;v=1", Look.JSON),
        ("application/x-ndjson", Look.JSON),
        ("application/json-seq", Look.JSON),
        ("text/csv; header=present", Look.TEXT),
        ("text/event-stream", Look.TEXT),
        ("text/plain; charset=iso-8859-15", Look.TEXT),
        ("image/svg+xml", Look.TEXT),
        ("application/xml", Look.TEXT),
        ("application/yaml", Look.TEXT),
        ("application/x-www-form-urlencoded", Look.FORM),
        ("multipart/form-data; boundary=x", Look.PARTS),
        ("multipart/byteranges; boundary=x", Look.REFUSE),
        ("image/png", Look.PASS),
        ("application/zip", Look.PASS),
        ("application/octet-stream", Look.SNIFF),
        ("", Look.SNIFF),
        ("application/cbor", Look.REFUSE),
        ("application/x-protobuf", Look.REFUSE),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Look.REFUSE),
        ("text/plain; charset=utf-16", Look.REFUSE),
        ("application/json; charset=utf-8; charset=utf-7", Look.REFUSE),
        ('text/plain; charset="utf-16', Look.REFUSE),
        ("json", Look.REFUSE),
    ],
)
def test_types(told: str, wanted: Look) -> None:
    assert look(told) is wanted


def test_two_types_cannot_be_told() -> None:
    assert look("image/png", "application/json") is Look.REFUSE and look("text/plain", "text/plain") is Look.TEXT
    assert look_of(()) is Look.SNIFF


@pytest.mark.parametrize(
    ("begin", "wanted"),
    [
        (b"id,card\n", Look.TEXT),
        (' {"a": "é'.encode()[:-1], Look.JSON),
        (b"\x89PNG\r\n\x1a\n", Look.PASS),
        (b"a\x00b", Look.PASS),
        (b"\xff\xfea b c d", Look.PASS),
        (b"", Look.TEXT),
    ],
)
def test_bodies_without_a_type(begin: bytes, wanted: Look) -> None:
    assert looks_like_text(begin) is wanted


def test_content_codings() -> None:
    assert encoding_of(()) == encoding_of(((b"content-encoding", b" Identity "),)) == ""
    assert encoding_of(((b"content-encoding", b"identity"), (b"content-encoding", b"GZIP"))) == "gzip"


def test_what_is_asked_for_where_masks_apply() -> None:
    told = (b"accept-encoding", b"gzip"), (b"range", b"bytes=1-"), (b"if-range", b'"x"'), (b"accept", b"*/*")
    head = readable(RequestHead(b"GET", b"/", b"", b"h", told))
    assert head.headers == ((b"accept", b"*/*"), (b"accept-encoding", b"identity"))


@given(st.text(st.characters(max_codepoint=255), max_size=40), st.binary(max_size=40))
def test_nothing_fails(told: str, begin: bytes) -> None:
    assert isinstance(look(told), Look) and isinstance(looks_like_text(begin), Look)
