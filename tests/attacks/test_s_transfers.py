"""Attacks on file transfers (rows S14, S15 and S22 of the threat list), spoken by hand."""

from __future__ import annotations

import os
import struct
import tracemalloc
from pathlib import Path

import pytest

from tests.support.sftp_client import begun, data, extended, opened, packets, read, request, version, with_file, write
from tests.support.transfers import Passing, gate
from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh import sftp_packets as sftp
from twisted_hoop.ssh.fields import string
from twisted_hoop.ssh.scp import ScpJudge
from twisted_hoop.ssh.sftp import SftpJudge

DENIED = ["/etc"]


def test_S22_a_length_of_four_gigabytes() -> None:
    """Refused before a byte of it is kept; content that says so passes in pieces."""
    passing = begun()
    with pytest.raises(ProtocolError):
        passing.client(struct.pack(">IBI", 0xFFFFFFFF, sftp.STAT, 1))
    passing = with_file(flags=sftp.WRITE_FLAG)
    huge = write(2, b"h1", 0, b"")
    size = 0xFFFF0000
    head = struct.pack(">I", len(huge) - 4 + size) + huge[4:-4] + struct.pack(">I", size)
    piece = os.urandom(1 << 16)
    tracemalloc.start()
    passing.client(head)
    for _ in range(64):
        passing.client(piece)
        passing.to_target.clear()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20 and passing.judge.held_back() == 0


WAYS = [
    b"/srv/../etc/passwd", b"/srv/up/../../etc/passwd", b"//etc//passwd", b"/./etc/passwd", b"../../etc/passwd",
    b"/etc/passwd/", b"up/../../../etc/passwd",
]  # fmt: skip


@pytest.mark.parametrize("path", WAYS)
def test_S22_dots_lead_nowhere_else(path: bytes) -> None:
    """Every way to write a name is judged as the file it is, and what is judged is what is sent."""
    passing = begun(denied=DENIED)
    passing.client(opened(1, path) + request(sftp.REMOVE, 2, path) + request(sftp.OPENDIR, 3, path))
    assert not passing.to_target
    assert len(packets(passing.to_client)) == 3


def test_S22_a_symlink_is_judged_by_where_it_leads() -> None:
    passing = begun(denied=DENIED)
    for leads in (b"/etc/shadow", b"../../etc/shadow", b"/srv/../etc"):
        passing.client(request(sftp.SYMLINK, 1, leads, b"/srv/up/link"))
        assert not passing.to_target
    passing.client(extended(2, b"hardlink@openssh.com", b"/etc/shadow", b"/srv/x"))
    assert not passing.to_target


@pytest.mark.parametrize("name", [b"posix-rename@openssh.com", b"hardlink@openssh.com"])
def test_S22_renames_by_extension_are_renames(name: bytes) -> None:
    passing = begun(denied=DENIED)
    passing.client(extended(1, name, b"/srv/x", b"/etc/cron.d/x") + request(sftp.RENAME, 2, b"/etc/shadow", b"/srv/y"))
    assert not passing.to_target and len(packets(passing.to_client)) == 2


@pytest.mark.parametrize(
    "name", [b"md5-hash-handle", b"check-file-name", b"posix-rename@openssh.com2", b"", b"exec@evil"]
)
def test_S22_unknown_extensions_are_refused(name: bytes) -> None:
    """Taken out of what the target offers, and refused when they are used all the same."""
    passing = Passing(SftpJudge())
    passing.client(sftp.packet(sftp.INIT, bytes((0, 0, 0, 3))))
    passing.target(version((name, b"1"), (b"statvfs@openssh.com", b"2")))
    assert packets(passing.to_client) == [version((b"statvfs@openssh.com", b"2"))]
    passing = begun()
    passing.client(extended(1, name, b"/etc/passwd") + sftp.packet(77, b"\0\0\0\2"))
    assert not passing.to_target
    assert [packet[4:13] for packet in packets(passing.to_client)] == [
        b"\x65\0\0\0\1\0\0\0\x08", b"\x65\0\0\0\2\0\0\0\x08",
    ]  # fmt: skip


def test_S22_nothing_passes_before_the_version() -> None:
    passing = Passing(SftpJudge())
    with pytest.raises(ProtocolError):
        passing.client(request(sftp.REMOVE, 1, b"/x"))
    passing = Passing(SftpJudge())
    passing.client(sftp.packet(sftp.INIT, bytes((0, 0, 0, 3))) + request(sftp.REMOVE, 1, b"/x"))
    assert packets(passing.to_target) == [sftp.packet(sftp.INIT, bytes((0, 0, 0, 3)))] and not passing.asked


def test_S22_a_target_cannot_give_content_to_a_refused_read() -> None:
    """An answer that nobody asked for ends the command."""
    passing = begun(denied=DENIED)
    passing.client(opened(1, b"/etc/shadow"))
    with pytest.raises(ProtocolError):
        passing.target(data(1, b"root:x"))


def test_S14_nothing_overtakes_a_question() -> None:
    passing = begun(waiting="open /a")
    passing.client(opened(1, b"/a", 0x1A) + write(2, b"h1", 0, b"x" * 1000) + request(sftp.REMOVE, 3, b"/b"))
    passing.client(request(sftp.REMOVE, 4, b"/c"))
    assert not passing.to_target and [command.text for command in passing.asked] == ["open /a (write create truncate)"]


def test_S15_every_way_to_a_file_gets_the_same_check() -> None:
    """sftp's open and old scp's lines name the same path, class and access."""
    by_sftp = begun()
    by_sftp.client(opened(1, b"/etc/x", 0x1A))
    for command, line, kind in (
        (b"scp -d -t /etc", b"C0644 1 x\n", "file-write"),
        (b"scp -f /etc/x", b"C0644 1 x\n", "file-read"),
    ):
        judge = ScpJudge.of(command)
        assert judge is not None
        by_scp = Passing(judge, gate(DENIED))
        (by_scp.target if b"-t" in command else by_scp.client)(b"\0")
        (by_scp.client if b"-t" in command else by_scp.target)(line)
        assert by_scp.asked[0].facts[0]["path"] == {"/etc/x"} == by_sftp.asked[0].facts[0]["path"]
        assert by_scp.asked[0].facts[0]["class"] == {kind}
        assert b"C0644" not in by_scp.to_target + by_scp.to_client


def test_S22_a_real_server_never_sees_what_was_refused(tmp_path: Path) -> None:
    """The real sftp-server with a client that does not ask politely: raw packets over pipes."""
    import subprocess

    from tests.support.transfers import SFTP_SERVER

    (tmp_path / "secret").write_text("s")
    server = subprocess.Popen([SFTP_SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None and server.stdout is not None
    passing = Passing(SftpJudge(), gate(["secret"]))
    try:
        passing.client(sftp.packet(sftp.INIT, bytes((0, 0, 0, 3))))
        path = f"{tmp_path}/x/../secret".encode()
        passing.client(request(sftp.REMOVE, 1, path) + request(sftp.MKDIR, 2, f"{tmp_path}/d".encode(), 0))
        while len(packets(passing.to_client)) < 3:
            server.stdin.write(passing.to_target)
            server.stdin.flush()
            passing.to_target.clear()
            passing.target(server.stdout.read1(65536))  # type: ignore[attr-defined]
    finally:
        server.kill()
        server.wait()
    assert (tmp_path / "secret").exists() and (tmp_path / "d").is_dir()
    codes = {packet[5:9]: packet[12] for packet in packets(passing.to_client) if packet[4] == sftp.STATUS}
    assert codes == {b"\0\0\0\1": sftp.PERMISSION_DENIED, b"\0\0\0\2": sftp.OK}


@pytest.mark.parametrize("path", [b"~root/.ssh", b"~root", b"~~"])
def test_S22_expand_path_looks_into_nobody_elses_home(path: bytes) -> None:
    """The server takes `~root` for a home folder; a rule on paths would see a name below one's own."""
    passing = begun()
    passing.client(extended(1, b"expand-path@openssh.com", path))
    assert not passing.to_target and len(packets(passing.to_client)) == 1


def test_S15_a_handle_does_what_its_opening_was_judged_as() -> None:
    """Whatever the server would let it do: opened for reading and then written, or the other way round."""
    passing = with_file(flags=sftp.READ_FLAG)
    passing.to_target.clear()
    copy = extended(3, b"copy-data", b"h1")[4:] + bytes(16) + string(b"h1") + bytes(8)
    passing.client(write(2, b"h1", 0, b"x") + string(copy))
    assert not passing.to_target
    passing.client(read(4, b"h1", 0, 9))
    assert passing.to_target
    passing = with_file(flags=sftp.WRITE_FLAG)
    passing.to_target.clear()
    passing.client(read(2, b"h1", 0, 9))
    assert not passing.to_target
    passing.client(write(3, b"h1", 0, b"x"))
    assert passing.to_target
