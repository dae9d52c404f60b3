"""The target's side of sftp: hostile and odd answers."""

from __future__ import annotations

import struct

import pytest

from tests.support.sftp_client import begun, data, handle, name, opened, packets, read, request, version, with_file
from tests.support.transfers import Passing
from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh import sftp_packets as sftp
from twisted_hoop.ssh.sftp import SftpJudge

ATTRS = request(sftp.ATTRS, 1, 0)


@pytest.mark.parametrize(
    "answer",
    [
        data(1, b"x"),
        name(1, b"x"),
        ATTRS,
        handle(9, b"h"),
        sftp.status(7, 0, ""),
        sftp.packet(sftp.STATUS, b"abc"),
        handle(1, b"h" * 300),
        struct.pack(">IBI", 0xFFFFFFFF, sftp.HANDLE, 1),
        struct.pack(">IBI", 300_000, sftp.STATUS, 1),
        struct.pack(">I", 0) + bytes(9),
    ],
)
def test_answers_that_nobody_asked_for_end_the_command(answer: bytes) -> None:
    passing = begun()
    passing.client(opened(1, b"/a"))
    with pytest.raises(ProtocolError) as caught:
        passing.target(answer + bytes(16))
    assert caught.value.side == "target"


def test_data_must_fit_its_length() -> None:
    passing = with_file()
    passing.client(read(2, b"h1", 0, 10))
    with pytest.raises(ProtocolError):
        passing.target(struct.pack(">IBII", 20, sftp.DATA, 2, 4) + b"abcd")


def test_long_answers_pass_in_pieces() -> None:
    """S9: names and data of any length are never kept."""
    passing = with_file()
    passing.client(request(sftp.STAT, 2, b"/a") + read(3, b"h1", 0, 1 << 30))
    head = struct.pack(">IBI", 1 << 30, sftp.NAME, 2)
    passing.target(head + b"x" * 100)
    assert bytes(passing.to_client) == head + b"x" * 100


@pytest.mark.parametrize("first", [version(number=6), request(sftp.STATUS, 1, 0), struct.pack(">IBI", 1 << 20, 2, 3)])
def test_a_target_that_does_not_begin_as_it_should(first: bytes) -> None:
    """S22: versions that are not judged here are refused."""
    passing = Passing(SftpJudge())
    passing.client(sftp.packet(sftp.INIT, bytes((0, 0, 0, 3))))
    with pytest.raises(ProtocolError):
        passing.target(first + bytes(8))


@pytest.mark.parametrize("home", [b"", b"relative"])
def test_without_a_home_folder_relative_names_begin_with_a_tilde(home: bytes) -> None:
    passing = begun(home=home)
    passing.client(request(sftp.STAT, 1, b"x/../y") + request(sftp.STAT, 2, b"../y"))
    assert [command.text for command in passing.asked] == ["stat '~/y'"]
    assert packets(passing.to_target) == [request(sftp.STAT, 1, b"y")]
    assert packets(passing.to_client)[0][4:13] == b"\x65\0\0\0\2\0\0\0\2"


def test_the_gateways_own_id_is_free_for_the_client_afterwards() -> None:
    passing = begun()
    passing.client(request(sftp.STAT, 0xFFFFFFFF, b"/x"))
    passing.target(request(sftp.ATTRS, 0xFFFFFFFF, 0))
    assert packets(passing.to_client) == [request(sftp.ATTRS, 0xFFFFFFFF, 0)]


def test_a_handle_in_use_is_given_to_nobody_else() -> None:
    passing = with_file()
    passing.client(opened(2, b"/b"))
    with pytest.raises(ProtocolError):
        passing.target(handle(2, b"h1"))


def test_an_id_is_used_once_at_a_time() -> None:
    passing = begun()
    passing.client(request(sftp.STAT, 1, b"/x"))
    with pytest.raises(ProtocolError) as caught:
        passing.client(request(sftp.STAT, 1, b"/y"))
    assert caught.value.side == "client"


def test_requests_without_an_answer_have_an_end() -> None:
    passing = with_file()
    with pytest.raises(ProtocolError, match="too many"):
        for number in range(10_000):
            passing.client(request(sftp.FSTAT, 100 + number, b"h1"))
