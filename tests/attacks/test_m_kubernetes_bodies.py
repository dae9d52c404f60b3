"""Attacks on masks by what an API server answers, and how (M3, M10, M11, K10), through a gateway on real sockets."""

from __future__ import annotations

import contextlib
import json
import time
import tracemalloc
from collections.abc import Callable

import pytest

from tests.support.http_house import HttpHouse, RawTarget, Told, Wire, get, http_house, ok, replies
from tests.support.kube_bodies import SECRETS, answer, answered, b64, compact, is_sentinel, secret, section
from tests.support.loop import Loop
from twisted_hoop.kubernetes.dialect import KubernetesDialect
from twisted_hoop.settings import MaskSection
from twisted_hoop.shell.reader import ShellReader

VALUE = "hunter2-very-secret"
JSON = b"content-type: application/json"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\n"
ONE, ALL = "/orders/api/v1/namespaces/default/secrets/s", "/orders/api/v1/namespaces/default/secrets"


def place(
    loop: Loop, serve: Callable[[RawTarget, Wire], None], *masks: MaskSection
) -> contextlib.AbstractContextManager[HttpHouse]:
    """A gateway before an API server that does with the socket what the test says."""
    chosen = masks or (SECRETS,)
    dialect = KubernetesDialect(section(name="orders"), b"k" * 32, ShellReader(), chosen)
    return http_house(loop, serve, masks=chosen, dialect=dialect)


def in_chunks(data: bytes, size: int) -> Callable[[RawTarget, Wire], None]:
    """That body, each chunk in a segment of its own."""

    def serve(target: RawTarget, wire: Wire) -> None:
        while target.request(wire):
            wire.send(CHUNKED)
            for at in range(0, len(data), size):
                piece = data[at : at + size]
                wire.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            wire.send(b"0\r\n\r\n")

    return serve


def leaks(told: Told) -> bool:
    return VALUE.encode() in told.body or b64(VALUE)[:12].encode() in told.body


@pytest.mark.parametrize("size", [1, 7, 100])
def test_M3_a_secret_split_over_chunks_and_segments(loop: Loop, size: int) -> None:
    items = [secret(f"s{n}") for n in range(3)]
    data = compact({"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": items})
    with place(loop, in_chunks(data, size)) as house:
        told = house.ask(get(ALL))
        shown = json.loads(told.body)["items"]
        assert [each["metadata"]["name"] for each in shown] == ["s0", "s1", "s2"]
        assert told.whole and all(is_sentinel(each["data"]["password"]) for each in shown)
        assert house.recorded("outcome")[0]["masked"] == 3


def test_M10_an_answer_in_another_encoding_does_not_pass(loop: Loop) -> None:
    """Whatever was asked for: a server that answers in protobuf, CBOR, YAML or packed is not believed to be JSON."""
    body = VALUE.encode()
    for head in (
        b"content-type: application/vnd.kubernetes.protobuf",
        b"content-type: application/cbor",
        b"content-type: application/yaml",
        b"content-type: application/json\r\ncontent-encoding: gzip",
        b"x: y",
    ):
        with place(loop, replies(ok(body, head))) as house:
            told = house.ask(get(ONE))
            assert told.status in (406, 502) and json.loads(told.body)["kind"] == "Status" and not leaks(told)


def test_M10_an_answer_that_is_called_json_and_is_none(loop: Loop) -> None:
    for body in (b"k8s\x00" + VALUE.encode(), f"data: {VALUE}".encode(), b'{"data":{"p":"' + VALUE.encode()):
        with place(loop, replies(ok(body, JSON))) as house:
            told = house.ask(get(ONE))
            assert told.status == 502 and not leaks(told)


def test_M10_a_list_that_turns_bad_in_the_middle_is_cut_off(loop: Loop) -> None:
    """What was shown by then was masked; the client is not told that this is all."""
    items = b",".join(compact(secret(f"s{n}")) for n in range(300))
    for end in (b"]", b'],"items":[' + compact(secret()) + b"]}", b"]}" + compact(secret())):
        data = b'{"kind":"SecretList","apiVersion":"v1","metadata":{},"items":[' + items + end
        with place(loop, in_chunks(data, 4000)) as house:
            told = house.ask(get(ALL))
            assert not told.whole and not leaks(told) and b'"name":"s1"' in told.body


def test_M10_accept_is_rewritten_and_nothing_is_asked_for_packed(loop: Loop) -> None:
    seen: list[bytes] = []

    def serve(target: RawTarget, wire: Wire) -> None:
        while head := target.request(wire):
            seen.append(head.lower())
            wire.send(ok(compact(secret()), JSON))

    with place(loop, serve) as house:
        protobuf = "Accept: application/vnd.kubernetes.protobuf, application/yaml;q=0.9"
        house.ask(get(ONE, protobuf, "Accept: application/cbor", "Accept-Encoding: gzip"))
    assert b"accept: application/json\r\n" in seen[0] and b"accept-encoding: identity\r\n" in seen[0]
    assert not any(word in seen[0] for word in (b"protobuf", b"cbor", b"yaml", b"gzip"))


def test_M10_a_watch_shows_each_event_at_once_and_masked(loop: Loop) -> None:
    def serve(target: RawTarget, wire: Wire) -> None:
        target.request(wire)
        wire.send(CHUNKED)
        for kind in ("ADDED", "MODIFIED"):
            event = compact({"type": kind, "object": secret()}) + b"\n"
            for piece in (event[:50], event[50:]):
                wire.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        target.request(wire)  # it stays open until the client leaves

    with place(loop, serve) as house:
        wire = house.connect()
        wire.send(get(ALL + "?watch=1"))
        shown = wire.until(b"MODIFIED") + wire.until(b"}\n")
        wire.close()
        assert shown.count(b"QG1hc2tlZDp2") == 2
        assert VALUE.encode() not in shown and b64(VALUE)[:12].encode() not in shown


def test_M11_what_was_read_cannot_be_written_back(loop: Loop) -> None:
    """Refused before the target has seen one byte of it."""
    asked: list[bytes] = []

    def serve(target: RawTarget, wire: Wire) -> None:
        while head := target.request(wire):
            asked.append(head)
            wire.send(ok(compact(secret()), JSON))

    with place(loop, serve) as house:
        read = house.ask(get(ONE))
        told = house.ask(get(ONE, "Content-Type: application/json", method="PUT", body=read.body))
        status = json.loads(told.body)
        assert told.status == 422 and "field data.password holds a masked value" in status["message"]
    assert [head.split(b" ", 1)[0] for head in asked] == [b"GET"]


def test_K10_a_huge_list_is_not_kept() -> None:
    """Sixteen megabytes of Secrets go by in less than two; the first one leaves with the first bytes."""
    item = compact(secret(password="x" * 8000))
    looked = answered("GET /api/v1/secrets", answer())
    assert looked is not None
    assert looked.feed(b'{"kind":"SecretList","apiVersion":"v1","metadata":{},"items":[')
    tracemalloc.start()
    try:
        assert looked.feed(item + b"," + item + b",") != b""
        for _ in range(1000):
            looked.feed(item + b",")
        looked.feed(item + b"]}")
        looked.flush()
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
    assert looked.masked == 1003


def test_K10_bodies_made_to_be_slow_cost_what_they_weigh() -> None:
    """Lists full of what looks like the end of an item; strings without an end, byte by byte."""
    inner = b'{"metadata":{"a":[' + b",".join([b'{"metadata":{}}'] * 20_000) + b"]}}"
    began = time.process_time()
    looked = answered("GET /api/v1/secrets", answer())
    assert looked is not None
    looked.feed(b'{"kind":"SecretList","apiVersion":"v1","metadata":{},"items":[' + inner + b",")
    for at in range(0, len(inner), 512):
        looked.feed(inner[at : at + 512])
    looked.feed(b"]}")
    looked.flush()
    other = answered("GET /api/v1/secrets", answer())
    assert other is not None
    other.feed(b'{"kind":"Secret","data":{"a":"')
    for _ in range(20_000):
        other.feed(b"x" * 50)
    other.feed(b'"}}')
    other.flush()
    assert time.process_time() - began < 20
