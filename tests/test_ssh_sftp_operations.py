"""What sftp requests do."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sftp_client import NO_ATTRIBUTES, extended, opened, request
from twisted_hoop.ssh import sftp_packets as sftp
from twisted_hoop.ssh.fields import MalformedMessage, Reader, string
from twisted_hoop.ssh.sftp_operations import Operation, OperationReader, Unjudgeable

MODE = struct.pack(">II", 4, 0o755)


def operation(packet: bytes, home: str = "/home/deploy") -> Operation:
    reader = Reader(packet[5:])
    number = reader.uint32()
    found = (
        OperationReader(home).extended(reader.string(), number, reader)
        if packet[4] == sftp.EXTENDED
        else OperationReader(home).read(packet[4], number, reader)
    )
    assert found is not None
    return found


def raw(kind: int, *parts: bytes) -> bytes:
    return sftp.packet(kind, struct.pack(">I", 9) + b"".join(parts))


@pytest.mark.parametrize(
    ("packet", "text", "classes", "paths"),
    [
        (opened(1, b"/a"), "open /a (read)", [{"file-read"}], {"/a"}),
        (opened(1, b"/a", 0), "open /a (read)", [{"file-read"}], {"/a"}),
        (opened(1, b"/a b", 0x1A), "open '/a b' (write create truncate)", [{"file-write"}], {"/a b"}),
        (opened(1, b"/a", 3), "open /a (read write)", [{"file-read"}, {"file-write"}], {"/a"}),
        (opened(1, b"/a", 9), "open /a (read create)", [{"file-read"}, {"file-write"}], {"/a"}),
        (request(sftp.OPENDIR, 1, b"/d/"), "list /d", [{"file-read"}], {"/d"}),
        (request(sftp.STAT, 1, b"/d"), "stat /d", [{"file-read"}], {"/d"}),
        (request(sftp.LSTAT, 1, b"/d/../e"), "lstat /e", [{"file-read"}], {"/e"}),
        (request(sftp.READLINK, 1, b"/d"), "readlink /d", [{"file-read"}], {"/d"}),
        (request(sftp.REALPATH, 1, b"d"), "realpath /home/deploy/d", [{"file-read"}], {"/home/deploy/d"}),
        (request(sftp.REMOVE, 1, b"/f"), "remove /f", [{"file-remove"}], {"/f"}),
        (request(sftp.RMDIR, 1, b"/d"), "rmdir /d", [{"file-remove"}], {"/d"}),
        (raw(sftp.MKDIR, string(b"/d"), MODE), "mkdir /d mode=0755", [{"file-write"}], {"/d"}),
        (raw(sftp.SETSTAT, string(b"/f"), MODE), "setstat /f mode=0755", [{"file-change"}], {"/f"}),
        (request(sftp.RENAME, 1, b"/a", b"b"), "rename /a /home/deploy/b", [{"file-change"}], {"/a", "/home/deploy/b"}),
        (extended(1, b"posix-rename@openssh.com", b"/a", b"/b"), "rename /a /b", [{"file-change"}], {"/a", "/b"}),
        (extended(1, b"hardlink@openssh.com", b"/a", b"/b"), "link /a /b", [{"file-change"}], {"/a", "/b"}),
        (extended(1, b"statvfs@openssh.com", b"/a"), "statvfs /a", [{"file-read"}], {"/a"}),
        (extended(1, b"expand-path@openssh.com", b"~/../x"), "expand-path /home/x", [{"file-read"}], {"/home/x"}),
        (request(sftp.SYMLINK, 1, b"/etc", b"/srv/l"), "symlink /etc /srv/l", [{"file-change"}], {"/etc", "/srv/l"}),
    ],
)  # fmt: skip
def test_words_classes_and_paths(packet: bytes, text: str, classes: list[set[str]], paths: set[str]) -> None:
    found = operation(packet)
    assert found.command.text == text
    assert [facts["class"] for facts in found.command.facts] == classes
    assert all(facts["path"] == paths for facts in found.command.facts)
    assert found.command.action.startswith("sftp-")


def test_access_and_listing() -> None:
    reading, writing = operation(opened(1, b"/a", 3)).command.facts
    assert (reading["access"], writing["access"]) == ({"read"}, {"write"})
    assert operation(request(sftp.OPENDIR, 1, b"/d")).command.facts[0]["flag"] == {"listing"}
    assert "flag" not in reading


def test_a_relative_link_is_judged_by_where_it_leads() -> None:
    """S22: and its text stays what the client wrote."""
    found = operation(request(sftp.SYMLINK, 1, b"../../etc/shadow", b"/srv/up/l"))
    assert {"/etc/shadow", "/srv/up/l"} <= found.command.facts[0]["path"]
    assert string(b"../../etc/shadow") in found.packet


@pytest.mark.parametrize("packet", [opened(1, b"/x/../a"), request(sftp.RENAME, 1, b"/x/../a", b"/y/../b")])
def test_folded_names_are_what_is_sent(packet: bytes) -> None:
    assert b".." not in operation(packet).packet and string(b"/a") in operation(packet).packet


@pytest.mark.parametrize(
    "packet", [opened(7, b"/a", 3), request(sftp.RENAME, 7, b"/a", b"b"), extended(7, b"lsetstat@openssh.com") + b""]
)
def test_other_packets_are_sent_as_they_came(packet: bytes) -> None:
    if packet[4] == sftp.EXTENDED:
        packet = sftp.packet(sftp.EXTENDED, packet[5:] + string(b"/a") + NO_ATTRIBUTES)
    assert operation(packet).packet == packet


def test_setstat_of_a_handle() -> None:
    found = OperationReader().change_of_handle(3, "/f", b"packet", "size=7")
    assert found.command.facts[0]["class"] == {"file-write"}, "clients cut the file that they have written"
    assert OperationReader().change_of_handle(3, "/f", b"", "size=7 mode=0777").command.facts[0]["class"] == {
        "file-change"
    }


def test_names_that_cannot_be_judged() -> None:
    with pytest.raises(Unjudgeable):
        operation(opened(1, b"../x"), home="")
    with pytest.raises(Unjudgeable):
        operation(opened(1, b"/x\0y"))


def test_unknown_requests() -> None:
    assert OperationReader().read(77, 1, Reader(b"")) is None
    assert OperationReader().extended(b"check-file@example", 1, Reader(b"")) is None


@given(st.integers(0, 255), st.binary(max_size=80))
def test_any_bytes_are_an_operation_or_the_documented_errors(kind: int, data: bytes) -> None:
    for read in (
        OperationReader("/h").read,
        lambda k, n, r: OperationReader("").extended(b"hardlink@openssh.com", n, r),
    ):
        try:
            found = read(kind, 1, Reader(data))
            assert found is None or found.command.facts
        except (MalformedMessage, Unjudgeable):
            pass
