"""User names: `login%target` with one `%`, or a bare name that jumps; what is ambiguous is refused (S20)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ssh_fakes import section_of
from twisted_hoop.errors import UnknownTarget
from twisted_hoop.ssh.names import Wish, login_at, parse_login, parse_name


@pytest.mark.parametrize(
    ("user", "wish"),
    [
        (b"deploy%web-1", Wish("deploy", "web-1")),
        (b"%web-1", Wish("", "web-1")),
        (b"svc_ci$%db.eu-1", Wish("svc_ci$", "db.eu-1")),
        (b"alice", Wish()),
        (b"alice@example.com", Wish()),
        ("Zoë".encode(), Wish()),
    ],
)
def test_names_that_mean_something(user: bytes, wish: Wish) -> None:
    assert parse_name(user) == wish


@pytest.mark.parametrize(
    "user",
    [
        b"", b"a%b%c", b"%", b"%%", b"deploy%", b"deploy%web 1", b"deploy%../web", b"deploy%WEB-1", b"deploy%web-1\n",
        b"deploy%web-1\0", b"-oProxyCommand=x%web-1", b"a b%web-1", b"../root%web-1", b"root:web-1%web-1%", b"\xff",
        b"a\x1b[31m%web-1", b"x" * 300, b"a b", b"root%web-1@other", b"root%web-1%", b"root%%web-1",
        "root%web\u2010 1".encode(),
    ],
)  # fmt: skip
def test_S20_what_is_ambiguous_or_odd_is_refused(user: bytes) -> None:
    with pytest.raises(UnknownTarget):
        parse_name(user)


@given(st.binary(max_size=64))
def test_any_name_is_a_wish_or_refused(user: bytes) -> None:
    try:
        wish = parse_name(user)
    except UnknownTarget:
        return
    assert (wish.target != "") == (b"%" in user)
    if wish.target:
        assert f"{wish.login}%{wish.target}".encode() == user


@given(st.binary(max_size=40))
def test_any_login_is_an_account_or_refused(user: bytes) -> None:
    with contextlib.suppress(UnknownTarget):
        assert parse_login(user).encode() == user and b"%" not in user


def test_accounts_that_are_offered() -> None:
    own = section_of()
    assert login_at(own, "") == login_at(own, "deploy") == "deploy"
    several = section_of(logins=["deploy", "app-[a-z]+"])
    assert login_at(several, "app-shop") == "app-shop"
    none = section_of(login="", logins=["app"])
    for section, asked in ((own, "root"), (several, "app-1"), (several, "xapp-shop"), (none, "")):
        with pytest.raises(UnknownTarget):
            login_at(section, asked)
