"""Bodies of JSON objects on their way, however they are written and cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kube_bodies import b64, compact, encodings, is_sentinel, secret, stream
from tests.support.streams import SIZES, cut, through
from twisted_hoop.kubernetes.lists import ObjectStream

SECRET = "hunter2-very-secret"
PLACES = (
    "Secret/data/.*",
    "Secret/stringData/.*",
)
CUSTOM = {"kind": "Widget", "apiVersion": "example.com/v1", "spec": {"a": [1, {"metadata": {}}, {"metadata": {}}]}}
STYLES = (
    {"separators": (",", ":")},
    {"separators": (", ", ": ")},
    {"indent": 2},
    {"indent": "\t", "separators": (" ,", " :")},
    {"separators": (",", ":"), "sort_keys": True},
)


def listed(items: list[Any], kind: str = "SecretList", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "apiVersion": "v1", "metadata": {"resourceVersion": "1", **more}, "items": items}


def bare(thing: dict[str, Any]) -> dict[str, Any]:
    """As it stands in lists of built-in kinds."""
    return {key: value for key, value in thing.items() if key not in ("kind", "apiVersion")}


def run(data: bytes, *sizes: int, line: str = "GET /api/v1/secrets", looked: ObjectStream | None = None) -> bytes:
    return through(looked or stream(*PLACES, line=line), *cut(data, sizes or (len(data) or 1,)))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_a_list_in_every_style_and_however_it_is_cut(style: dict[str, Any], size: int) -> None:
    items = [bare(secret(f"s{n}", annotations={"n": '},{"metadata":'} if n == 3 else {})) for n in range(6)]
    shown = json.loads(run(json.dumps(listed(items), **style).encode(), size))
    assert [each["metadata"]["name"] for each in shown["items"]] == [f"s{n}" for n in range(6)]
    assert all(is_sentinel(each["data"]["password"]) for each in shown["items"])
    assert {**shown, "items": items} == listed(items)


def test_the_first_items_leave_before_the_last_ones_come() -> None:
    looked = stream(*PLACES)
    data = compact(listed([bare(secret(f"s{n}")) for n in range(100)]))
    half = looked.feed(data[: len(data) // 2])
    assert half.count(b'"name":"s') >= 45 and b64(SECRET).encode() not in half
    assert json.loads(half + looked.feed(data[len(data) // 2 :]) + looked.flush())


@pytest.mark.parametrize("style", STYLES)
def test_items_that_hold_what_stands_between_items(style: dict[str, Any]) -> None:
    """Lists of objects with the same first member, inside items: the ends of items are proved by parsing."""
    inner = [{"metadata": {"name": "i"}}, {"metadata": {"name": "j"}}] * 6
    items = [{"metadata": {"name": f"s{n}"}, "spec": {"templates": inner}, "data": {"p": SECRET}} for n in range(5)]
    shown = json.loads(run(json.dumps(listed(items), **style).encode(), 50))
    assert [each["spec"]["templates"] for each in shown["items"]] == [inner] * 5
    assert SECRET not in json.dumps(shown)


@pytest.mark.parametrize("items", [[], [bare(secret())], [{}, bare(secret()), {}], [bare(secret()), {"x": 1}]])
def test_short_and_odd_lists(items: list[Any]) -> None:
    for style in STYLES:
        shown = json.loads(run(json.dumps(listed(items), **style).encode(), 3))
        assert len(shown["items"]) == len(items) and b64(SECRET) not in json.dumps(shown)


def test_what_follows_the_items_stays() -> None:
    """Lists of custom resources say their kind last."""
    items = [{**CUSTOM, "metadata": {"name": f"w{n}"}, "token": SECRET} for n in range(4)]
    thing = {"apiVersion": "example.com/v1", "items": items, "kind": "WidgetList", "metadata": {"continue": "abc"}}
    looked = stream("Widget/token", line="GET /apis/example.com/v1/widgets")
    shown = json.loads(run(compact(thing), 20, looked=looked))
    assert SECRET not in json.dumps(shown) and looked.masked == 4
    assert shown["metadata"] == {"continue": "abc"} and list(shown) == list(thing)


@pytest.mark.parametrize(
    "tail",
    [
        b'],"items":[{"metadata":{},"data":{"p":"c2VjcmV0"}}]}',
        b'],"data":{"p":"c2VjcmV0"}}',
        b'],"metadata":{"annotations":{"a":"c2VjcmV0"}}}',
        b']}{"kind":"Secret","data":{"p":"c2VjcmV0"}}',
        b"]",
        b"",
        b",]}",
        b'],"kind":}',
        b"{}]}",
        b",1]}",
    ],
)
def test_nothing_hides_behind_the_last_item(tail: bytes) -> None:
    """M10: a name that is said twice is read by clients as they like."""
    data = compact(listed([bare(secret())]))[:-2] + tail
    with pytest.raises(ValueError, match=r"."):
        run(data, 10)


def test_a_name_that_is_said_twice_within_an_item() -> None:
    """M10: parsers take the last one, some the first."""
    item = b'{"metadata":{},"data":{"p":"c2VjcmV0"},"data":{"q":"c2VjcmV0"}}'
    assert b"c2VjcmV0" not in run(compact(listed([]))[:-2] + item + b"," + item + b"]}", 10)
    assert b"c2VjcmV0" not in run(b'{"kind":"Secret","data":{"p":"c2VjcmV0"},"data":{}}')
    with pytest.raises(ValueError, match=r"."):
        run(b'{"items":[{"data":{"p":"c2VjcmV0"}}],"kind":"SecretList","metadata":{},"items":[' + b" " * 70_000)


def test_a_watch_is_shown_event_by_event() -> None:
    """BOOKMARK and ERROR too; each leaves when it is there."""
    looked = stream(*PLACES, line="GET /api/v1/secrets?watch=1")
    marks = {"k8s.io/initial-events-end": "true"}
    ended = {"kind": "Secret", "apiVersion": "v1", "metadata": {"resourceVersion": "5", "annotations": marks}}
    for kind, thing in (
        ("ADDED", secret()),
        ("BOOKMARK", ended),
        ("MODIFIED", secret()),
        ("DELETED", secret()),
        ("ERROR", {"kind": "Status", "code": 410}),
    ):
        event = {"type": kind, "object": thing}
        data = compact(event) + b"\n"
        assert looked.feed(data[:30]) == b""
        shown = looked.feed(data[30:])
        assert shown.endswith(b"}\n") and b64(SECRET).encode() not in shown
        assert json.loads(shown)["type"] == kind
        if kind in ("BOOKMARK", "ERROR"):
            assert json.loads(shown) == event
    assert looked.flush() == b"" and looked.masked == 3


def test_an_event_that_nobody_ends_with_a_line() -> None:
    looked = stream(*PLACES)
    assert json.loads(looked.feed(compact({"type": "ADDED", "object": secret()})))["type"] == "ADDED"
    with pytest.raises(ValueError, match="middle"):
        stream(*PLACES).feed(b'{"type":"ADDED","object":{') or run(b'{"type":"ADDED","object":{')


def test_kinds_that_hold_nothing_pass_as_they_are() -> None:
    """Where they were asked for: what else calls itself so is read."""
    node = {"metadata": {"name": "n"}, "x": 1}
    data = compact(listed([node, {**node, "kind": "Secret", "data": {"p": "c2VjcmV0"}}], "NodeList"))
    looked = stream(*PLACES, line="GET /api/v1/nodes")
    assert looked.feed(data) == data and looked.feed(b"more") == b"more" and looked.flush() == b""
    for other in (data, data.replace(b'"v1"', b'"x.example/v1"', 1)):
        assert b"c2VjcmV0" not in run(other, 50, line="GET /apis/x.example/v1/nodes")


def test_a_table_row_by_row() -> None:
    rows = [{"cells": [f"s{n}", "Opaque", 1, "5d"], "object": secret(f"s{n}")} for n in range(900)]
    columns = [{"name": "Name", "format": "name", "description": "d" * 300}] * 4
    table = {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {},
        "columnDefinitions": columns,
        "rows": rows,
    }
    looked = stream(*PLACES)
    data = compact(table)
    first = looked.feed(data[:100_000])
    shown = json.loads(first + looked.feed(data[100_000:]) + looked.flush())
    assert len(first) > 50_000 and b64(SECRET) not in json.dumps(shown) and looked.masked == 900
    assert [row["cells"] for row in shown["rows"]] == [row["cells"] for row in rows]


def test_what_is_too_long_or_too_deep_is_refused() -> None:
    """K10: one object is kept, and no more than eight megabytes of it."""
    looked = stream(*PLACES)
    with pytest.raises(ValueError, match="longer"):
        for _ in range(200):
            looked.feed(b'{"a":"' + b"x" * 65_536 if not looked.masked else b"")
    with pytest.raises((ValueError, RecursionError)):
        run(b'{"a":' * 5000 + b"1" + b"}" * 5000)


@pytest.mark.parametrize("size", [1, 5])
def test_several_documents(size: int) -> None:
    data = compact(secret("a")) + b"\n\n" + json.dumps(secret("b"), indent=1).encode() + compact(secret("c")) + b"\n"
    shown = run(data, size)
    assert b64(SECRET).encode() not in shown and shown.count(b'"Secret"') == 3


LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
THINGS = st.recursive(
    LEAVES | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.sampled_from(["metadata", "spec", "x", "},{", '"', "é"]), THINGS, max_size=4)


@given(st.lists(OBJECTS, max_size=6), st.sampled_from(STYLES), SIZES, st.booleans())
@settings(max_examples=250)
def test_any_document_comes_out_whole_and_without_its_values(
    things: list[dict[str, Any]], style: dict[str, Any], sizes: list[int], ascii_only: bool
) -> None:
    """M3, M10: what comes out is JSON, the same but for what is hidden, and holds that in no encoding."""
    items = [{**thing, "data": {"p": b64(SECRET)}, "stringData": {"q": SECRET}} for thing in things]
    data = json.dumps(listed(items), ensure_ascii=ascii_only, **style).encode("utf-8", "surrogatepass")
    shown = run(data, *sizes)
    assert not any(each in shown for each in encodings(SECRET))
    told = json.loads(shown)["items"]
    assert [{**each, "data": 0, "stringData": 0} for each in told] == [
        {**t, "data": 0, "stringData": 0} for t in things
    ]


@given(st.text(alphabet='{}[]",:\\ \nabk01', max_size=60).map(str.encode) | st.binary(max_size=40), SIZES)
@settings(max_examples=300)
def test_bytes_of_any_kind_are_json_or_refused(data: bytes, sizes: list[int]) -> None:
    for start in (b"", b'{"kind":"SecretList","apiVersion":"v1","metadata":{},"items":['):
        try:
            shown = run(start + data, *sizes)
        except (ValueError, RecursionError):
            continue
        decoder, rest = json.JSONDecoder(), shown.decode().strip()
        while rest:
            rest = rest[decoder.raw_decode(rest)[1] :].strip()


def test_how_it_is_cut_does_not_matter() -> None:
    data = json.dumps(listed([bare(secret(f"s{n}")) for n in range(3)]), indent=1).encode()
    assert {run(data, size) for size in range(1, 60)} == {run(data)}
