"""What is taken for `kubectl cp`, and what only looks like it."""

from __future__ import annotations

import shlex

import pytest

from twisted_hoop.kubernetes.copies import copy_of


@pytest.mark.parametrize(
    ("command", "stream", "paths"),
    [
        ("tar cf - /var/log/app.log", "stdout", ("/var/log/app.log",)),
        ("/bin/tar cf - a b", "stdout", ("a", "b")),
        ("tar -xmf - -C /tmp", "stdin", ("/tmp",)),
        ("tar -xmf -", "stdin", (".",)),
        ("tar --no-same-permissions --no-same-owner -xmf - -C /srv", "stdin", ("/srv",)),
        ("tar xvf - -C /", "stdin", ("/",)),
    ],
)
def test_copies(command: str, stream: str, paths: tuple[str, ...]) -> None:
    found = copy_of(shlex.split(command))
    assert (
        found is not None and (found.stream, found.paths) == (stream, paths) and found.told() == {"paths": list(paths)}
    )


@pytest.mark.parametrize(
    "command",
    [
        "",
        "tar",
        "tar cf -",
        "tar cf file -",
        "tar cf - --to-command=sh a",
        "tar cf - -I sh a",
        "tar -xmf - --to-command sh",
        "tar czf - a",
        "sh -c 'tar cf - a'",
        "star cf - a",
    ],
)
def test_what_is_a_command_like_others(command: str) -> None:
    """Its streams are text to masks and recording: that is the stricter reading."""
    assert copy_of(shlex.split(command)) is None
