"""Attacks by command lines that are taken for transfers, or pass for none (rows S15, C2, M3 and R8)."""

from __future__ import annotations

import pytest

from tests.support.shell import doubts, read
from tests.support.ssh_relay import Play, exec_, pty_, relay_of, subsystem_
from twisted_hoop.recording.streams import stream_bytes
from twisted_hoop.settings import MaskSection
from twisted_hoop.shell.reader import ShellReader
from twisted_hoop.ssh.events import STDERR, STDOUT, Data, Open, Opened, Reply, Request

CARD = b"4111 1111 1111 1111\n"
CARDS = MaskSection(name="cards", detect=["card"])


def begun(line: str) -> Play:
    """A client that was admitted to run the line."""
    play = Play(relay_of([CARDS], ShellReader().read))
    play.client(Open(b"session"), exec_(line))
    play.target(Opened(), Reply(True))
    return play


def told(play: Play, stream: int) -> bytes:
    """What the client got on a stream."""
    return b"".join(bytes(e.data) for e in play.to_client if isinstance(e, Data) and e.stream == stream)


@pytest.mark.parametrize(
    "line",
    [
        "rsync -e 'rm -rf /' host:x -- --server",
        "rsync --exclude --server -e 'rm -rf /' host:x .",
        "rsync --files-from --server --rsh='rm -rf /' host:x .",
        "true; scp -S/tmp/evilt a host:b",
        "scp -oProxyCommand=touch a host:b",
        "scp -S /tmp/x -t y",
        "scp x -t",
    ],
)
def test_C2_a_client_does_not_pass_for_the_server_of_a_transfer(line: str) -> None:
    """With `--server` as another option's value, or a t in one's value, rsync and scp run what `-e` and `-S` say."""
    assert "dynamic" in doubts(line)
    assert read(line).transfer is None


PRINTING = [
    "find /srv -exec cat {} + -o -exec git-upload-pack x \\;",
    "./git-upload-pack secrets",
    "/tmp/rsync --server --sender . secrets",
    "~/bin/git-receive-pack secrets",
    "strace -s 9999 git-upload-pack secrets",
    "./env git-upload-pack secrets",
    "git-upload-pack <(cat secrets)",
]


@pytest.mark.parametrize("line", PRINTING)
def test_M3_text_does_not_pass_for_the_bytes_of_a_transfer(line: str) -> None:
    """A program that prints beside a transfer, or is somebody's own and only called like one: masked, and recorded."""
    play = begun(line)
    play.target(Data(STDOUT, CARD))
    assert told(play, STDOUT) == b"*****\n"
    assert [stream_bytes(e.data) for e in play.entries if e.kind == "output"] == [b"*****\n"]


@pytest.mark.parametrize(
    "line", ["git-upload-pack /srv/x", "sudo rsync --server --sender . /srv/x", "/usr/bin/scp -f /x"]
)
def test_R8_what_a_transfer_says_on_stderr_is_recorded_as_it_is_shown(line: str) -> None:
    """Masked as text is (M3); the bytes of its files are not text."""
    play = begun(line)
    play.target(Data(STDERR, CARD))
    assert told(play, STDERR) == b"*****\n"
    assert [stream_bytes(e.data) for e in play.entries if e.kind == "output"] == [b"*****\n"]


@pytest.mark.parametrize(
    "line",
    [
        ": ; scp -t .",
        "cd /srv && /usr/lib/openssh/sftp-server",
        "sftp-server | tee x",
        "sftp-server; true",
        "(sftp-server)",
        "sftp-server 2>/dev/null",
        "sudo scp -t /etc",
        "find / -maxdepth 0 -exec sftp-server \\;",
        "script -qc sftp-server /dev/null",
        "if true; then scp -f /srv; fi",
        "sudo -S sftp-server",
        "sudo -nS -u x sftp-server",
        "sudo --stdin sftp-server",
    ],
)
def test_S15_a_transfer_among_other_commands_is_not_carried_unjudged(line: str) -> None:
    """Its files would be nobody's business: refused by the gateway, or doubtful, which no ordinary rule allows."""
    play = Play(relay_of(read=ShellReader().read))
    play.client(Open(b"session"), exec_(line))
    assert not play.to_target or doubts(line)


@pytest.mark.parametrize(
    "line", ["sftp-server", "/usr/lib/openssh/sftp-server -l INFO", "sudo sftp-server", "scp -t /x"]
)
def test_S15_a_transfer_by_itself_is_carried_and_judged(line: str) -> None:
    play = begun(line)
    assert play.to_target[0] == Open(b"session")


@pytest.mark.parametrize("start", [subsystem_(), exec_("scp -t /x"), exec_("sftp-server"), exec_("git-upload-pack x")])
def test_S15_a_transfer_takes_no_terminal(start: Request) -> None:
    """`C0644 9 a\\rC0644 3 b` is one name to a judge, and two files behind a terminal that makes lines of it."""
    play = Play(relay_of(read=ShellReader().read))
    play.client(Open(b"session"), pty_(), start)
    assert not play.to_target and play.kinds() == ["refused"]
