"""Paths and queries have one reading, or none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import ProtocolError
from twisted_hoop.kubernetes.paths import LONGEST_QUERY, is_true, query_of, segments_of, single


def test_segments_are_decoded_once() -> None:
    assert segments_of(b"/api/v1/namespaces/a%20b/pods") == ["api", "v1", "namespaces", "a b", "pods"]
    assert segments_of(b"/api/v1/nodes/k%C3%A4se") == ["api", "v1", "nodes", "käse"]
    assert segments_of(b"/api/v1/services/https:web:443/proxy/")[-1] == "proxy"
    assert segments_of(b"/api/") == ["api"] and segments_of(b"/") == []
    assert segments_of(b"/a/b%2520c") == ["a", "b%20c"], "once"


@pytest.mark.parametrize(
    "path",
    [
        b"", b"api", b"//api/v1/pods", b"/api//v1", b"/api/./v1", b"/api/../v1", b"/api/v1/..", b"/api/%2e%2e/v1",
        b"/api/%2E%2E/v1", b"/api/v1/namespaces/default/secrets%2Fs3", b"/api/v1/namespaces/default%2fsecrets",
        b"/api/v1/%73ecrets", b"/api/v1/pods;x=1", b"/api/v1\\pods", b"/api/v1/%zz", b"/api/v1/%", b"/api/v1/%00",
        b"/api/v1/%7F", b"/api/v1/%3Bx", b"/api/v1/%FF", b"/api/v1/%C2%85", b"/api/v1/%c3%a4",
    ],
)  # fmt: skip
def test_K6_what_is_not_canonical_is_refused(path: bytes) -> None:
    """K6."""
    with pytest.raises(ProtocolError):
        segments_of(path)


def test_queries_are_read_as_go_reads_them() -> None:
    assert query_of(b"") == {}
    assert query_of(b"watch&command=ls&command=-l%20x&a=b+c&&x=") == {
        "watch": ("",),
        "command": ("ls", "-l x"),
        "a": ("b c",),
        "x": ("",),
    }
    assert query_of(b"fieldSelector=metadata.name%3dx") == {"fieldSelector": ("metadata.name=x",)}


@pytest.mark.parametrize("query", [b"a;b=1", b"a=%zz", b"a=%", b"a=%00", b"a=%FF", b"a=" + b"x" * LONGEST_QUERY])
def test_K6_queries_that_readers_differ_on_are_refused(query: bytes) -> None:
    """K6: Go drops a pair with a semicolon or a broken encoding, others do not."""
    with pytest.raises(ProtocolError):
        query_of(query)
    with pytest.raises(ProtocolError):
        query_of(b"&".join([b"a=1"] * 5000))


@pytest.mark.parametrize(
    ("query", "true"),
    [("watch", True), ("watch=1", True), ("watch=banana", True), ("watch=", True), ("watch=True", True), ("", False),
     ("watch=0", False), ("watch=false", False), ("watch=FALSE", False), ("Watch=1", False)],
)  # fmt: skip
def test_flags_are_true_as_servers_take_them(query: str, true: bool) -> None:
    assert is_true(query_of(query.encode()), "watch") is true


def test_K14_what_may_stand_there_once_stands_there_once() -> None:
    """K14: the first of `watch=true&watch=false` counts for servers, the last for others."""
    assert single(query_of(b"a=1"), "a") == "1" and single(query_of(b"a=1"), "b") is None
    with pytest.raises(ProtocolError):
        is_true(query_of(b"watch=true&watch=false"), "watch")


@given(st.binary(max_size=60))
def test_any_bytes_are_segments_or_the_error(data: bytes) -> None:
    for path in (data, b"/" + data):
        try:
            found = segments_of(path)
        except ProtocolError:
            continue
        assert all(found) and not {".", ".."} & set(found) and not any("\0" in each for each in found)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_query_or_the_error(data: bytes) -> None:
    try:
        found = query_of(data)
    except ProtocolError:
        return
    assert all(values for values in found.values())
