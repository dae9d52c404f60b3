"""SASL OAUTHBEARER, the server's side (RFC 7628)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import ProtocolError
from twisted_hoop.identity import oauthbearer

B64TOKEN = st.from_regex(r"[A-Za-z0-9\-._~+/]+=*", fullmatch=True)


@pytest.mark.parametrize(
    ("data", "token"),
    [
        (b"n,,\x01auth=Bearer abc.def-ghi_~+/==\x01\x01", "abc.def-ghi_~+/=="),
        (b"y,,\x01auth=Bearer abc\x01\x01", "abc"),
        (b"n,,\x01auth=bEaReR   abc\x01\x01", "abc"),
        (b"n,,\x01host=db\x01port=5432\x01auth=Bearer abc\x01\x01", "abc"),
        (b"n,,\x01auth=Bearer abc\x01unknown=a b\t\r\n\x01\x01", "abc"),
        (b"n,,\x01auth=\x01\x01", None),
    ],
)
def test_well_formed_messages(data: bytes, token: str | None) -> None:
    assert oauthbearer.parse_client_message(data) == token


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"n,,",
        b"n,,\x01",
        b"n,,\x01\x01",
        b"n,,\x01auth=Bearer abc\x01",
        b"n,,\x01auth=Bearer abc",
        b"n,,\x01auth=Bearer abc\x01\x01\x01",
        b"n,,\x01auth=Bearer abc\x01\x01trailing",
        b"n,,\x01auth=Bearer abc\x01auth=Bearer abc\x01\x01",
        b"n,,\x01auth=\x01auth=Bearer abc\x01\x01",
        b"n,,\x01host=db\x01\x01",
        b"n,,\x01auth=Basic abc\x01\x01",
        b"n,,\x01auth=Bearer\x01\x01",
        b"n,,\x01auth=Bearer \x01\x01",
        b"n,,\x01auth=Bearer a=b\x01\x01",
        b"n,,\x01auth=Bearer abc def\x01\x01",
        b"n,,\x01auth=Bearer abc\x00\x01\x01",
        b"n,,\x01auth=Bearer \xff\x01\x01",
        b"n,,\x01AUTH=Bearer abc\x01\x01",
        b"n,,\x01x1=y\x01auth=Bearer abc\x01\x01",
        b"n,,\x01=y\x01auth=Bearer abc\x01\x01",
        b"n,a=root,\x01auth=Bearer abc\x01\x01",
        b"p=tls-server-end-point,,\x01auth=Bearer abc\x01\x01",
        b"x,,\x01auth=Bearer abc\x01\x01",
        b"n,,\x01auth=Bearer " + b"a" * 65536 + b"\x01\x01",
    ],
)
def test_everything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        oauthbearer.parse_client_message(data)


@given(B64TOKEN)
def test_every_b64token_comes_through(token: str) -> None:
    assert oauthbearer.parse_client_message(b"n,,\x01auth=Bearer " + token.encode() + b"\x01\x01") == token


@given(st.binary(max_size=300))
def test_any_bytes_are_a_token_discovery_or_refused(data: bytes) -> None:
    for message in (data, b"n,,\x01" + data + b"\x01\x01", b"n,,\x01auth=" + data + b"\x01\x01"):
        try:
            token = oauthbearer.parse_client_message(message)
        except ProtocolError:
            continue
        assert token is None or (token and token.isascii() and " " not in token)


def test_the_failure_names_the_discovery_document() -> None:
    answer = json.loads(oauthbearer.failure_json("https://login.example.org/realms/x/", 'openid "email"'))
    assert answer == {
        "status": "invalid_token",
        "openid-configuration": "https://login.example.org/realms/x/.well-known/openid-configuration",
        "scope": 'openid "email"',
    }


def test_a_failure_is_answered_with_one_separator() -> None:
    oauthbearer.check_failure_answer(b"\x01")
    for data in (b"", b"\x01\x01", b"x"):
        with pytest.raises(ProtocolError):
            oauthbearer.check_failure_answer(data)
