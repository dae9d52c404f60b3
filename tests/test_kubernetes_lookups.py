"""What a write with masked values waits for, and what comes of what the target says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.kube_bodies import bodies, compact, secret, shown, status_of, written
from twisted_hoop.http.dialect import BodyRefused, Lookup
from twisted_hoop.http.messages import Framing, RequestHead
from twisted_hoop.kubernetes.requests import read_request
from twisted_hoop.settings import MaskSection

MASK = MaskSection(name="m", sentinels="restore")
KEPT = MaskSection(name="kept", objects=["ConfigMap/data/.*"])
PATH = "/api/v1/namespaces/default/secrets/s"
PUT, PATCH, JSON = f"PUT {PATH}", f"PATCH {PATH}", "application/json"
MERGE = "application/merge-patch+json"


def lookup(line: str = PUT, told: str = JSON, thing: Any = None, *masks: MaskSection) -> Lookup:
    body = compact(shown(f"GET {PATH}", secret()) if thing is None else thing)
    with pytest.raises(Lookup) as caught:
        written(line, told, body, *(masks or (MASK,)))
    return caught.value


def refusal(line: str, told: str, body: bytes) -> dict[str, Any]:
    with pytest.raises(BodyRefused) as caught:
        written(line, told, body, MASK)
    assert not isinstance(caught.value, Lookup)
    return status_of(caught.value)


def ended(needed: Lookup, status: int, answer: bytes) -> dict[str, Any]:
    with pytest.raises(BodyRefused) as caught:
        needed.finish(status, answer)
    return status_of(caught.value)


WORD = shown(f"GET {PATH}", secret())["data"]["password"]


def test_it_asks_for_the_object_itself_and_says_little() -> None:
    """No header of the client's but who it is leaves with it; a query is the write's own."""
    headers = ((b"content-type", b"application/json"), (b"user-agent", b"k"), (b"cookie", b"c"), (b"accept", b"x/y"))
    head = RequestHead(b"PUT", PATH.encode(), b"dryRun=All", b"h", headers, Framing.LENGTH, 9)
    looked = bodies(MASK).request_body(read_request(head.method, head.path, head.query), head, (MASK,))
    assert looked is not None and looked.feed(compact({"data": {"password": WORD}})) == b""
    with pytest.raises(Lookup) as caught:
        looked.flush()
    asked = caught.value.head
    assert (asked.method, asked.path, asked.query, asked.framing) == (b"GET", PATH.encode(), b"", Framing.NONE)
    assert asked.headers == ((b"user-agent", b"k"), (b"accept", b"application/json"))


def test_what_comes_of_it() -> None:
    body, count = lookup().finish(200, compact(secret()))
    assert json.loads(body) == secret() and count == 1
    body, count = lookup(PATCH, MERGE, {"data": {"password": WORD}}).finish(200, compact(secret()))
    assert json.loads(body) == {"data": secret()["data"], "metadata": {"resourceVersion": "17"}}
    step = {"op": "add", "path": "/data/password", "value": WORD}
    body, count = lookup(PATCH, "application/json-patch+json; charset=utf-8", [step]).finish(200, compact(secret()))
    assert json.loads(body)[1] == {**step, "value": secret()["data"]["password"]} and count == 1


def test_who_cannot_look_up_refuses() -> None:
    """M11: it is a refusal like any other."""
    assert status_of(lookup())["code"] == 422


def test_what_is_not_looked_up() -> None:
    """M11."""
    thing = compact({"data": {"password": WORD}})
    assert "no object yet" in refusal("POST /api/v1/namespaces/default/secrets", JSON, thing)["message"]
    assert "not put back here" in refusal(f"PUT {PATH}/scale", JSON, thing)["message"]
    assert "JSON" in refusal(PATCH, "application/yaml", f"data: {{password: {WORD}}}".encode())["message"]
    assert "JSON" in refusal(PATCH, "application/apply-patch+yaml", f"data:\n  password: {WORD}".encode())["message"]
    assert refusal("DELETE /api/v1/namespaces/default/secrets", JSON, thing)["code"] == 422


def test_without_a_word_nothing_is_looked_up() -> None:
    body = compact(secret())
    assert written(PUT, JSON, body, MASK) == body


def test_masks_that_put_nothing_back() -> None:
    """M11: they say so for themselves; those that only look at requests have no say."""
    with pytest.raises(BodyRefused) as caught:
        written(PUT, JSON, compact({"data": {"password": WORD}}), MaskSection(name="m"))
    assert not isinstance(caught.value, Lookup)
    inward = MaskSection(name="in", detect=["card"], direction="request", action="deny")
    assert lookup(PUT, JSON, None, MASK, KEPT, inward).finish(200, compact(secret()))[1] == 1
    told = ended(lookup(PUT, JSON, None, MASK, MaskSection(name="all")), 200, compact(secret()))
    assert told["details"]["causes"][0]["field"] == "data.password"


def test_what_masks_find_in_a_body_is_not_what_is_put_back() -> None:
    card = secret(password="4111 1111 1111 1111")
    inward = MaskSection(name="in", detect=["card"], direction="request", action="deny")
    needed = lookup(PUT, JSON, shown(f"GET {PATH}", card), MASK, inward)
    assert json.loads(needed.finish(200, compact(card))[0]) == card


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        (404, b"{}", 422),
        (403, b"{}", 403),
        (401, b"", 403),
        (503, b"", 503),
        (302, b"", 503),
        (200, b"no json", 502),
        (200, b"[]", 502),
        (200, compact({"kind": "Status"}), 502),
        (200, compact(secret(name="other")), 502),
        (200, compact(secret(namespace="other")), 502),
        (200, compact(secret(resourceVersion="18")), 409),
        (200, compact(secret(resourceVersion="")), 422),
    ],
)
def test_other_answers(status: int, answer: bytes, code: int) -> None:
    """M11: nothing is sent then, and what the target said is not told."""
    assert ended(lookup(), status, answer)["code"] == code


def test_a_namespace_lies_in_none() -> None:
    mask = MaskSection(name="m", objects=["Namespace/metadata/labels/x"], sentinels="restore")
    about = {"name": "n", "resourceVersion": "3", "labels": {"x": "hidden"}}
    thing = {"kind": "Namespace", "apiVersion": "v1", "metadata": about}
    word = shown("GET /api/v1/namespaces/n", thing, mask)
    needed = lookup("PUT /api/v1/namespaces/n", JSON, word, mask)
    assert json.loads(needed.finish(200, compact(thing))[0]) == thing


@given(st.binary(max_size=200), st.integers(100, 599))
def test_any_answer_ends_in_a_refusal_or_a_body(answer: bytes, status: int) -> None:
    """K10."""
    assert ended(lookup(), status, answer)["status"] == "Failure"
