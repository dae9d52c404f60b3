"""What the target is asked to answer in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.kubernetes.accepting import only_json, without_binary

TABLE = b"application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (b"application/vnd.kubernetes.protobuf,application/json", b"application/json"),
        (b"application/vnd.kubernetes.protobuf", b"application/json"),
        (b"application/json;q=0.9,application/cbor;q=1", b"application/json;q=0.9"),
        (b"application/yaml, application/json", b"application/json"),
        (b"*/*", b"application/json"),
        (b"application/*", b"application/json"),
        (b"", b"application/json"),
        (TABLE + b", application/json", TABLE + b",application/json"),
        (b'application/json;x="a,application/yaml;", application/yaml', b'application/json;x="a,application/yaml;"'),
        (b"Application/JSON", b"Application/JSON"),
    ],
)
def test_only_json_is_left(given: bytes, sent: bytes) -> None:
    assert only_json([given]) == ((b"accept", sent),)


def test_tables_may_be_left_out() -> None:
    assert only_json([TABLE + b",application/json"], table=False) == ((b"accept", b"application/json"),)
    assert only_json([TABLE], table=False) == ((b"accept", b"application/json"),)
    assert only_json([], table=False) == ((b"accept", b"application/json"),)


def test_several_lines_are_one_list() -> None:
    assert only_json([b"application/yaml", b"application/json;as=x"]) == ((b"accept", b"application/json;as=x"),)


@pytest.mark.parametrize(
    "given", [b"application/json, */*", b"", b"application/vnd.kubernetes.protobuf", b"text/plain"]
)
def test_logs_are_text_and_their_errors_are_json(given: bytes) -> None:
    sent = without_binary([given])[0][1]
    assert b"protobuf" not in sent and sent.endswith(b"*/*;q=0.1") and (b"json" in sent or b"text" in sent)


@given(st.lists(st.text(alphabet='aj/*;,q=0." ybor-', max_size=20).map(str.encode), max_size=3))
def test_whatever_is_asked_for(values: list[bytes]) -> None:
    """M10: nothing but JSON is ever asked for."""
    for kind in only_json(values)[0][1].lower().split(b","):
        assert kind.startswith(b"application/json") or b'"' in kind
