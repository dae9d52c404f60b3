"""Messages of ssh-userauth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.identity.ssh_wire import strings, u32
from twisted_hoop.ssh.userauth import (
    MAX_ANSWERS,
    REQUEST,
    Interactive,
    KeyShown,
    Method,
    Nothing,
    Password,
    Unknown,
    banner,
    failure,
    info_request,
    parse_answers,
    parse_request,
    signed_data,
)

HEAD = strings(b"user", b"ssh-connection")
SESSION = b"session-id"


@pytest.mark.parametrize(
    ("content", "method"),
    [
        (strings(b"none"), Nothing()),
        (strings(b"password") + b"\0" + strings(b"secret"), Password(b"secret")),
        (strings(b"password") + b"\1" + strings(b"old", b"new"), Unknown()),
        (strings(b"keyboard-interactive", b"en", b"pam"), Interactive()),
        (strings(b"hostbased") + b"anything", Unknown()),
    ],
)
def test_requests(content: bytes, method: Method) -> None:
    attempt = parse_request(HEAD + content, SESSION)
    assert (attempt.user, attempt.service, attempt.method) == (b"user", b"ssh-connection", method)


def test_a_key_that_is_shown_and_one_that_signs() -> None:
    signed = strings(SESSION) + bytes((REQUEST,)) + HEAD + strings(b"publickey") + b"\1" + strings(b"alg", b"blob")
    asked = parse_request(HEAD + strings(b"publickey") + b"\0" + strings(b"alg", b"blob"), SESSION)
    assert asked.method == KeyShown(b"alg", b"blob", None, signed)
    proved = parse_request(HEAD + strings(b"publickey") + b"\1" + strings(b"alg", b"blob", b"sig"), SESSION)
    assert proved.method == KeyShown(b"alg", b"blob", b"sig", signed)
    assert signed_data(SESSION, b"user", b"ssh-connection", b"alg", b"blob") == signed


@pytest.mark.parametrize(
    "content",
    [
        b"",
        strings(b"none") + b"\0",
        strings(b"password"),
        strings(b"password") + b"\0" + strings(b"x", b"y"),
        strings(b"publickey") + b"\0" + strings(b"alg", b"blob", b"sig"),
        strings(b"publickey") + b"\1" + strings(b"alg", b"blob"),
        strings(b"keyboard-interactive", b""),
    ],
)
def test_what_is_malformed_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError):
        parse_request(HEAD + content, SESSION)


def test_R11_a_password_does_not_show_itself() -> None:
    assert "secret" not in repr(Password(b"secret"))
    assert "secret" not in repr(parse_request(HEAD + strings(b"password") + b"\0" + strings(b"secret"), SESSION))


def test_what_is_sent() -> None:
    assert failure([b"publickey", b"password"]) == strings(b"publickey,password") + b"\0"
    assert banner("hello") == strings(b"hello", b"")
    assert info_request("go") == strings(b"", b"go", b"") + u32(0)
    asked = u32(2) + strings(b"a") + b"\0" + strings(b"b") + b"\0"
    assert info_request("go", "a", "b") == strings(b"", b"go", b"") + asked


def test_answers() -> None:
    assert parse_answers(u32(2) + strings(b"a", b"")) == (b"a", b"")
    for wrong in (b"", u32(1), u32(0) + b"x", u32(MAX_ANSWERS + 1), u32(2**32 - 1)):
        with pytest.raises(ValueError):
            parse_answers(wrong)


@given(st.binary(max_size=120), st.sampled_from([b"", HEAD, HEAD + strings(b"publickey"), HEAD + strings(b"password")]))
def test_a_request_or_a_value_error(junk: bytes, head: bytes) -> None:
    for parse in (lambda data: parse_request(data, SESSION), parse_answers):
        try:
            parse(head + junk)
        except ValueError:
            continue
