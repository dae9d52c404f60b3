"""Just enough of protobuf."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.kube_protobuf import entry, enveloped, field, secret_message
from twisted_hoop.kubernetes.protobuf import fields, where
from twisted_hoop.kubernetes.sentinels import Sentinels

WORD = Sentinels(b"k" * 32, "prod").general.text.encode()


@pytest.mark.parametrize(
    ("thing", "kind", "place"),
    [
        (secret_message(data={"user": b"a", "password": WORD}), "Secret", "data.password"),
        (secret_message(strings={"token": WORD}), "Secret", "stringData.token"),
        (field(2, entry("app.conf", b"x=" + WORD)), "ConfigMap", "data.app.conf"),
        (field(3, entry("blob", base64.b64encode(b"12" + WORD))), "ConfigMap", "binaryData.blob"),
        (field(1, field(12, entry("note", WORD))), "Secret", "metadata.annotations[note]"),
        (field(1, field(1, WORD)), "Secret", "metadata"),
        (field(9, WORD), "Pod", "a value"),
        (secret_message(data={"a": b"b"}), "Secret", "a value"),
    ],
)
def test_where_a_sentinel_stands(thing: bytes, kind: str, place: str) -> None:
    assert where(enveloped(kind, thing)) == place


def test_members_of_every_form() -> None:
    data = b"\x08\x96\x01" + b"\x11" + b"8" * 8 + b"\x1d" + b"4" * 4 + field(15, b"abc")
    assert list(fields(data)) == [(15, b"abc")]


@pytest.mark.parametrize("data", [b"\x0a\x05ab", b"\x0a", b"\x0b", b"\xff" * 12, b"\x08"])
def test_what_is_no_message(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        list(fields(data))


@given(st.binary(max_size=80))
def test_bytes_of_any_kind(data: bytes) -> None:
    assert where(b"k8s\x00" + data)
