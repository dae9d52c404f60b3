from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.console.cookies import (
    MAX_COOKIES,
    SAML_COOKIE,
    cookie_name,
    read_cookie,
    set_cookie,
    set_crossing_cookie,
)


@pytest.mark.parametrize("secure", [True, False])
def test_what_is_set_is_read(secure: bool) -> None:
    header = set_cookie("abc-_9", secure)
    pair, *attributes = header.split("; ")
    assert read_cookie(f"other=1; {pair}; more=2", secure) == "abc-_9"
    assert {"Path=/", "HttpOnly", "SameSite=Lax"} <= set(attributes) and ("Secure" in attributes) == secure
    assert pair.startswith("__Host-") == secure and "Domain" not in header


def test_an_empty_value_takes_it_away() -> None:
    assert "Max-Age=0" in set_cookie("", True) and "Max-Age" not in set_cookie("x", True)


def test_a_cookie_in_the_clear_is_not_the_one_over_tls() -> None:
    assert read_cookie("hoop=planted", True) == ""


@pytest.mark.parametrize(
    "header", ["", "hoop", "hoop=a; hoop=b", "Hoop=a", "xhoop=a", "hoop=a b", 'hoop="a"', "hoop=é", "=a", ";;;"]
)
def test_what_is_not_ours_alone_is_none(header: str) -> None:
    assert read_cookie(header, False) == ""


def test_a_long_header_is_not_looked_at() -> None:
    assert read_cookie("x=" + "y" * MAX_COOKIES + "; hoop=a", False) == ""


@given(st.text(), st.booleans())
def test_any_header_gives_a_plain_value_or_none(header: str, secure: bool) -> None:
    value = read_cookie(header, secure)
    assert value.isascii() and not set(value) & set(' ";,\\')
    assert not value or cookie_name(secure) in header


@pytest.mark.parametrize("secure", [True, False])
def test_i7_the_cookie_that_crosses_sites_is_another_one(secure: bool) -> None:
    """I7: it is no visit, nobody's script reads it, and it goes across sites over TLS only."""
    header = set_crossing_cookie("abc", secure)
    pair, *attributes = header.split("; ")
    assert read_cookie(pair, secure, SAML_COOKIE) == "abc" and read_cookie(pair, secure) == ""
    assert {"Path=/", "HttpOnly", "Max-Age=600"} <= set(attributes) and "Domain" not in header
    assert {"SameSite=None", "Secure"} <= set(attributes) if secure else "SameSite" not in header
    assert "Max-Age=0" in set_crossing_cookie("", secure)
