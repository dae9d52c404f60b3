"""The command line of scp, and the names of its files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.ssh.scp_paths import Names, ScpCommand, scp_command


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (b"scp -t /srv/up", ScpCommand("upload", ("/srv/up",))),
        (b"scp -r -d -t /srv/up", ScpCommand("upload", ("/srv/up",), folder=True)),
        (b"scp -t -- '/srv/a b/'", ScpCommand("upload", ("/srv/a b/",), folder=True)),
        (b"/usr/bin/scp -v -t .", ScpCommand("upload", (".",), folder=True)),
        (b"scp -t ~/x", ScpCommand("upload", ("x",))),
        (b"scp -prf a /b/*", ScpCommand("download", ("a", "/b/*"))),
        (b"scp -f ~", ScpCommand("download", (".",))),
    ],
)
def test_command_lines(text: bytes, command: ScpCommand) -> None:
    assert scp_command(text) == command


@pytest.mark.parametrize(
    "text",
    [
        b"", b"scp", b"scp -t", b"scp a b", b"scp -t -f /x", b"scp -t /a /b", b"scp -S prog -t /a", b"cat -t /x",
        b"scp -t '", b"scp -t $HOME", b"scp -t `id`", b"scp -t ~root/x", b"scp -t /srv/*", b"scp -o X=Y -f /a",
    ],
)  # fmt: skip
def test_what_cannot_be_judged_file_by_file(text: bytes) -> None:
    """S15: such a command is judged as a whole, or refused: see starting.py."""
    assert scp_command(text) is None


@given(st.binary(max_size=60))
def test_any_bytes_are_a_command_or_none(text: bytes) -> None:
    found = scp_command(text) or scp_command(b"scp -t " + text)
    assert found is None or found.paths


def test_where_uploads_go() -> None:
    """What only the target knows, whether a name is a folder: both names are judged."""
    assert Names(ScpCommand("upload", ("/srv/up",))).of("f") == {"/srv/up", "/srv/up/f"}
    assert Names(ScpCommand("upload", ("/srv/up",), folder=True)).of("f") == {"/srv/up/f"}
    assert Names(ScpCommand("upload", ("up/../x",))).of("f") == {"~/x", "~/x/f"}


def test_down_and_up_the_tree() -> None:
    names = Names(ScpCommand("upload", ("/srv",), folder=True))
    names.enter("a")
    names.enter("b")
    assert names.of("f") == {"/srv/a/b/f"} and names.depth == 2
    names.leave()
    assert names.of("f") == {"/srv/a/f"}


@pytest.mark.parametrize(
    ("paths", "name", "found"),
    [
        (("/etc/passwd",), "passwd", {"/etc/passwd"}),
        (("/etc/passwd", "/srv/x"), "x", {"/srv/x"}),
        (("/etc/*.conf",), "a.conf", {"/etc/a.conf"}),
        (("/etc/*.conf",), "odd", {"/etc/odd", "/etc/*.conf"}),
        (("dir/.",), ".", {"~/dir"}),
        (("x",), "other", {"~/other", "~/x"}),
    ],
)
def test_where_downloads_come_from(paths: tuple[str, ...], name: str, found: set[str]) -> None:
    """A target that gives files of another name than was asked for: every place they may come from is judged."""
    assert Names(ScpCommand("download", paths)).of(name) == found
