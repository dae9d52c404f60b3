"""Bodies as they are judged and shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.kube_house import allowing, denying, effect, reading_of
from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.dialect import Reading
from twisted_hoop.kubernetes.requests import read_request
from twisted_hoop.kubernetes.submitted import LONGEST, judged

NS = "/api/v1/namespaces/shop"


def shown(line: str, body: Any) -> str:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    (text,) = reading_of(line, data).parameters
    return text or ""


def test_A3_people_are_shown_what_is_sent() -> None:
    """A3: the body they agree to, whole."""
    pod = {
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [{"image": "nginx", "args": ["-g", "x"]}]},
    }
    assert json.loads(shown(f"POST {NS}/pods", pod)) == pod
    assert shown(f"PATCH {NS}/pods/web", b"spec:\n  x: \xff1") == "spec:\n  x: \\xff1"


@pytest.mark.parametrize(
    ("line", "body"),
    [
        (f"POST {NS}/secrets", {"kind": "Secret", "data": {"a": "aHVudGVyMg=="}, "stringData": {"b": "hunter2"}}),
        (f"PATCH {NS}/secrets/x", {"data": {"a": "aHVudGVyMg=="}}),
        (f"PATCH {NS}/secrets/x", [{"op": "add", "path": "/data/a", "value": "aHVudGVyMg=="}]),
        (f"PATCH {NS}/secrets/x", [{"op": "replace", "path": "", "value": {"data": {"a": "hunter2"}}}]),
        (f"PATCH {NS}/secrets/x", b"data:\n  a: hunter2"),
        (f"POST {NS}/secrets", b"k8s\x00...hunter2"),
        (f"POST {NS}/pods", b"k8s\x00...hunter2"),
        (f"POST {NS}/things", {"items": [{"kind": "Secret", "data": "hunter2"}]}),
        (f"POST {NS}/pods", {"metadata": {"annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": '{"data":{"a":"hunter2"}}'}}}),
        ("POST /apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": "hunter2"}}),
    ],
)  # fmt: skip
def test_M12_values_of_secrets_are_not_among_it(line: str, body: Any) -> None:
    """M12: neither approvers nor recordings see them."""
    text = shown(line, body)
    assert "hunter2" not in text and "aHVudGVyMg" not in text and text


def test_a_dry_run_of_a_deletion_is_what_its_body_says() -> None:
    """Where there is a body, servers take the options from it and nothing from the query."""
    dry = allowing(flags=["dry-run"])
    pod = f"{NS}/pods/web"
    assert effect(dry, f"DELETE {pod}?dryRun=All") == "allow"
    assert effect(dry, f"DELETE {pod}?dryRun=All", b"{}") == "deny"
    assert effect(dry, f"DELETE {pod}", b'{"dryRun":["All"]}') == "allow"
    assert effect(dry, f"DELETE {pod}?dryRun=All", b"k8s\x00") == "deny", "nobody can tell"
    assert effect(dry, f"DELETE {NS}/pods?dryRun=All", b'{"dryRun":[]}') == "deny"
    assert effect(dry, f"POST {NS}/pods?dryRun=All", b"{}") == "allow", "of other writes the query tells"


@pytest.mark.parametrize(
    "body",
    [b'{"type":"kubernetes.io/service-account-token"}', b"k8s\x00 kubernetes.io/service-account-token",
     b"type: kubernetes.io/service-account-token", b'type: "kubernetes.io/service-\\x61ccount-token"',
     b'{"type":"kubernetes.io\\/service-account-token","x":"\xff"}',
     b'{"type":"kubernetes.io\\/service-account-token"}',
     b'[{"op":"add","path":"/type","value":"kubernetes.io/service-account-token"}]'],
)  # fmt: skip
def test_K12_a_secret_that_the_cluster_fills_with_a_token_is_an_escape(body: bytes) -> None:
    """K12: the older way of `kubectl create token`."""
    everything = allowing(classes=["read", "write"])
    assert effect(everything, f"POST {NS}/secrets", body) == "deny"
    assert effect(everything, f"POST {NS}/secrets", b'{"type":"Opaque"}') == "allow"
    assert effect(allowing(classes=["escape"]), f"POST {NS}/secrets", body) == "allow"


@pytest.mark.parametrize(
    "body",
    [
        b'{"spec":{"containers":[{"image":"evil"}]},"spec":{"x":1}}',
        b'{"metadata":{"name":"a","name":"b"}}',
        b'{"type":"kubernetes.io/service-account-token","type":null}',
        b'[{"op":"add","path":"/a","path":"/b"}]',
        b'{"a":1,"\\u0061":2}',
        b'{"a":' * 200 + b"1" + b"}" * 200,
    ],
)
def test_A3_what_readers_take_differently_is_refused(body: bytes) -> None:
    """A3: API servers merge what stands twice, so what people were shown would not be what runs."""
    for line in (f"POST {NS}/secrets", f"PATCH {NS}/pods/x"):
        with pytest.raises(ProtocolError):
            reading_of(line, body)


def test_what_is_too_long_to_be_judged_is_refused() -> None:
    request = read_request(b"POST", f"{NS}/pods".encode(), b"")
    with pytest.raises(ProtocolError) as caught:
        judged(request, Reading("create", "x", ({},), ""), b"x" * (LONGEST + 1))
    assert caught.value.code == "413"
    assert reading_of(f"POST {NS}/pods", b"").parameters == ()


@given(st.one_of(st.binary(max_size=80), st.recursive(
    st.none() | st.text(max_size=5) | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["data", "kind", "metadata", "name", "token", "value", "dryRun", "type"]), inner), max_leaves=9
).map(lambda value: json.dumps(value).encode())))  # fmt: skip
def test_any_body_is_judged(body: bytes) -> None:
    for line in (f"POST {NS}/secrets", f"DELETE {NS}/pods/x", f"PATCH {NS}/secrets/x"):
        assert reading_of(line, body).facts


def test_A3_what_is_deep_is_shown_too() -> None:
    """A3."""
    assert "42" in shown(f"POST {NS}/pods", b'{"a":' * 100 + b"42" + b"}" * 100)


def packed(*names: bytes, magic: bytes = b"k8s\x00") -> bytes:
    """An object in protobuf with these names (any but one name is odd)."""

    def member(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    metadata = b"".join(member(1, name) for name in names)
    return magic + member(1, b"") + member(2, member(1, metadata) + member(2, b"x"))


def test_the_name_of_what_kubectl_creates_is_read() -> None:
    """kubectl create sends protobuf."""
    permits, forbids = allowing(names=["web"]), denying(names=["closed"])
    line = f"POST {NS}/configmaps"
    assert effect(permits, line, packed(b"web")) == "allow" and effect(permits, line, packed(b"x")) == "deny"
    assert effect(forbids, line, packed(b"closed")) == "deny" and effect(forbids, line, packed(b"web")) == "allow"
    for odd in (packed(), packed(b"web", b"closed"), packed(b"\xff"), packed(b"web", magic=b""), packed(b"web")[:-2]):
        assert effect(permits, line, odd) == effect(forbids, line, odd) == "deny", "it may be any name"


def test_K12_a_member_whose_number_is_cut_to_another_hides_no_name() -> None:
    """K12: Go cuts numbers to 32 bits, so `2 + 2**32` is member 2 there, and the object that counts."""
    tag = (2 + (1 << 32)) << 3 | 2
    varint = bytes(tag >> at & 0x7F | (0x80 if tag >> at + 7 else 0) for at in range(0, tag.bit_length(), 7))
    thing = packed(b"closed").removeprefix(b"k8s\x00")
    hidden = packed(b"web") + varint + thing[1:]
    line = f"POST {NS}/configmaps"
    assert effect(allowing(verbs=["create"], names=["web"]), line, packed(b"web")) == "allow"
    assert effect(allowing(verbs=["create"], names=["web"]), line, hidden) == "deny"
