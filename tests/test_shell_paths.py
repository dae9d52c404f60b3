from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.shell.paths import Place, below, escaped, placed
from twisted_hoop.shell.values import Value


@pytest.mark.parametrize(
    ("text", "start", "path"),
    [
        ("/", "~", "/"), ("//", "~", "/"), ("/.", "~", "/"), ("/etc//./x/", "~", "/etc/x"), ("/..", "~", "/"),
        ("a/b", "~", "~/a/b"), (".", "~", "~"), ("./a", "/srv", "/srv/a"), ("a", "/", "/a"), ("a", "~/b", "~/b/a"),
        ("~", "/srv", "/srv/~"),
    ],
)  # fmt: skip
def test_canonical(text: str, start: str, path: str) -> None:
    assert placed(Value(text), start) == Place(path)


def test_home() -> None:
    assert placed(Value("~/x", home=True), "/srv") == Place("~/x")
    assert placed(Value("~", home=True), "/srv") == Place("~")


@pytest.mark.parametrize(
    "text",
    ["../x", "a/../b", "/etc/ssl/../shadow", "/proc/self/root/etc", "/proc/1/cwd", "/dev/fd/3", "/dev/tcp/h/1"],
)
def test_where_a_name_may_lead_elsewhere_nobody_can_tell(text: str) -> None:
    assert placed(Value(text), "~").unsure


def test_globs() -> None:
    assert placed(Value("/etc/*", glob="/etc/*"), "~") == Place("/etc/*", "/etc/*")
    assert placed(Value("*", glob="*"), "/srv").glob == "/srv/*"
    assert placed(Value("*", glob="*"), "/s*v").glob == "/s\\*v/*"
    for dots in (".*", ".?", ".[.]"):
        assert placed(Value(dots, glob=dots.replace("[.]", "?")), "/srv").unsure
    assert not placed(Value(".b*", glob=".b*"), "/srv").unsure
    assert below(Place("/")) == "/**" and below(Place("/a*", "/a*")) == "/a*/**" and below(Place("/a*")) == "/a\\*/**"


@given(st.text("ab./", max_size=12))
def test_as_posixpath_says_unless_it_is_unsure(text: str) -> None:
    place = placed(Value("/" + text), "~")
    if not place.unsure:
        assert place.path == posixpath.normpath("/" + text).replace("//", "/")
    assert "//" not in place.path


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_text_has_a_place(text: str, start: str) -> None:
    assert placed(Value(text), "/" + start.strip("/")).path.startswith("/")
    assert isinstance(escaped(text), str)
