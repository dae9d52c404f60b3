"""Names of files at a target."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.ssh.remote_paths import RemotePath, beside, folded, resolve

NAMES = st.lists(st.sampled_from(["..", ".", "", "a", "etc", "b c", "~", "\udcff"]), max_size=7).map("/".join)


@given(NAMES)
def test_names_are_folded_as_python_folds_them(name: str) -> None:
    """S22: `..` never leads out of what is judged."""
    found = resolve(name.encode("utf-8", "surrogateescape"), "/home/deploy")
    assert found is not None
    wanted = posixpath.normpath(posixpath.join("/home/deploy", name))
    assert found.fact == ("/" + wanted.lstrip("/"))
    assert ".." not in found.fact.split("/")


@given(NAMES)
def test_what_is_judged_is_what_is_sent_when_it_held_dots(name: str) -> None:
    """K6's idea, for S22: a name with `..` is sent in the form that was judged; any other exactly as it came."""
    raw = name.encode("utf-8", "surrogateescape")
    found = resolve(raw, "/home/deploy")
    assert found is not None
    climbs = ".." in name.split("/")
    assert found.wire == (found.fact.encode("utf-8", "surrogateescape") if climbs else raw)


@pytest.mark.parametrize(
    ("raw", "fact", "wire"),
    [
        (b"x", "~/x", b"x"),
        (b".", "~", b"."),
        (b"a/../b", "~/b", b"b"),
        (b"a/..", "~", b"."),
        (b"/etc/../x", "/x", b"/x"),
        (b"/", "/", b"/"),
    ],
)
def test_without_a_home_folder(raw: bytes, fact: str, wire: bytes) -> None:
    assert resolve(raw) == RemotePath(fact, wire)


@pytest.mark.parametrize("raw", [b"../etc/passwd", b"a/../../x", b"x\0y"])
def test_what_cannot_be_judged(raw: bytes) -> None:
    """Climbing out of a folder nobody knows; a NUL, behind which a program in C sees nothing."""
    assert resolve(raw) is None


def test_a_name_that_is_not_utf8_is_shown_and_never_lost() -> None:
    """S19: on the wire the octets, for people an escape, for rules a lone surrogate."""
    found = resolve(b"/srv/\xff", "/")
    assert found == RemotePath("/srv/\udcff", b"/srv/\xff")
    assert found.text == "/srv/\\xff"


def test_where_links_lead() -> None:
    link = RemotePath("/srv/up/link", b"")
    assert beside(link, b"/etc") == b"/etc"
    assert beside(link, b"../../etc/shadow") == b"/srv/up/../../etc/shadow"
    assert resolve(beside(RemotePath("~/link", b""), b"x")) == RemotePath("~/x", b"./x")
    assert resolve(beside(RemotePath("~/d/link", b""), b"x")) == RemotePath("~/d/x", b"d/x")


def test_folding() -> None:
    assert folded("/a/./b//../c") == ["a", "c"]
    assert folded("..", climbing=False) is None
