"""The judge of sftp: by hand, cut anywhere, and between the real client and the real server."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sftp_client import (
    begun,
    data,
    extended,
    handle,
    init,
    name,
    opened,
    packets,
    read,
    request,
    version,
    with_file,
    write,
)  # fmt: skip
from tests.support.streams import SIZES, cut
from tests.support.transfers import ROOT, Passing, Setup
from twisted_hoop.errors import ProtocolError
from twisted_hoop.model import Outcome
from twisted_hoop.ssh import sftp_packets as sftp
from twisted_hoop.ssh.sftp import SftpJudge, joined
from twisted_hoop.steps import Finish, Step, ToClient, ToTarget

OWN = 0xFFFFFFFF


def test_the_home_folder_is_asked_for_before_the_first_request() -> None:
    passing = Passing(SftpJudge())
    passing.client(init(6) + request(sftp.STAT, 1, b"x"))
    assert bytes(passing.to_target) == init(3), "version 3 is what is judged here"
    passing.to_target.clear()
    passing.target(version((b"limits@openssh.com", b"1"), (b"exec@example", b"1")))
    assert packets(passing.to_client) == [version((b"limits@openssh.com", b"1"))]
    assert packets(passing.to_target) == [request(sftp.REALPATH, OWN, b".")]
    assert passing.judge.held_back() == len(request(sftp.STAT, 1, b"x")) and not passing.asked
    passing.to_target.clear()
    passing.target(name(OWN, b"/home/deploy"))
    assert [command.text for command in passing.asked] == ["stat /home/deploy/x"]
    assert packets(passing.to_target) == [request(sftp.STAT, 1, b"x")]
    assert len(packets(passing.to_client)) == 1, "the answer to our own question is ours"


def test_a_refused_operation_is_answered_in_its_place() -> None:
    passing = begun(denied=["remove /etc"])
    passing.client(
        request(sftp.REMOVE, 1, b"/tmp/a") + request(sftp.REMOVE, 2, b"/etc/b") + request(sftp.REMOVE, 3, b"/c")
    )
    assert packets(passing.to_target) == [request(sftp.REMOVE, 1, b"/tmp/a"), request(sftp.REMOVE, 3, b"/c")]
    (answer,) = packets(passing.to_client)
    assert answer[4:13] == b"\x65\0\0\0\2\0\0\0\3"
    assert b"hoop: refused by rule no-such-files: not these" in answer
    assert passing.told.startswith(b"hoop: refused by rule no-such-files: not these\n")
    assert [entry.kind for entry in passing.entries] == ["command", "refused", "command"]
    assert passing.entries[1].data["paths"] == ["/etc/b"] and passing.entries[1].data["operation"] == 2


def test_a_held_operation_keeps_what_is_behind_it() -> None:
    """S14's idea inside one channel: nothing overtakes a question."""
    passing = begun(waiting="remove /a")
    later = request(sftp.REMOVE, 2, b"/b")
    passing.client(request(sftp.REMOVE, 1, b"/a") + later)
    passing.client(request(sftp.MKDIR, 3, b"/c")[:7])
    assert not passing.to_target and passing.judge.held_back() == len(later) + 7
    passing.answer()
    assert packets(passing.to_target) == [request(sftp.REMOVE, 1, b"/a"), later]
    assert passing.judge.held_back() == 0


def test_bytes_are_counted_and_digested_by_file() -> None:
    passing = with_file(flags=sftp.READ_FLAG | sftp.WRITE_FLAG)
    passing.client(write(2, b"h1", 0, b"abc") + write(3, b"h1", 3, b"def") + read(4, b"h1", 0, 99))
    passing.target(sftp.status(2, 0, "") + sftp.status(3, 0, "") + data(4, b"hello"))
    passing.client(request(sftp.CLOSE, 5, b"h1"))
    passing.target(sftp.status(5, 0, ""))
    (outcome,) = passing.outcomes()
    assert outcome["path"] == "/srv/f" and outcome["operation"] == 1
    assert outcome["written"] == {"bytes": 6, "sha256": hashlib.sha256(b"abcdef").hexdigest()}
    assert outcome["read"] == {"bytes": 5, "sha256": hashlib.sha256(b"hello").hexdigest()}


def test_out_of_order_there_is_no_digest() -> None:
    passing = with_file(flags=sftp.WRITE_FLAG)
    passing.client(write(2, b"h1", 3, b"def") + write(3, b"h1", 0, b"abc") + request(sftp.CLOSE, 4, b"h1"))
    passing.target(b"".join(sftp.status(number, 0, "") for number in (2, 3, 4)))
    assert passing.outcomes()[0]["written"] == {"bytes": 6}


def test_content_is_recorded_when_the_decision_says_so() -> None:
    passing = with_file(flags=sftp.WRITE_FLAG, content=["open"])
    passing.client(write(2, b"h1", 7, b"abc"))
    assert passing.entries[-1].kind == "input"
    assert {**passing.entries[-1].data} == {
        "channel": 1, "stream": "file", "text": "abc", "operation": 1, "path": "/srv/f", "offset": 7,
    }  # fmt: skip


def test_an_open_that_fails_is_an_outcome() -> None:
    passing = begun()
    passing.client(opened(1, b"/none"))
    passing.target(sftp.status(1, sftp.NO_SUCH_FILE, "no"))
    assert passing.outcomes()[0]["status"] == "no such file"


def test_files_that_are_left_open_are_recorded_at_the_end() -> None:
    passing = with_file()
    passing.finish()
    assert passing.outcomes() == [
        {"channel": 1, "command": 1, "operation": 1, "path": "/srv/f", "status": "not closed"}
    ]


STRANGERS = [read(2, b"h9", 0, 5), write(2, b"h9", 0, b"abc"), request(sftp.CLOSE, 2, b"h9"),
             request(sftp.FSTAT, 2, b"h9"), extended(2, b"fsync@openssh.com", b"h9")]  # fmt: skip


@pytest.mark.parametrize("packet", STRANGERS)
def test_a_handle_nobody_opened(packet: bytes) -> None:
    passing = with_file()
    passing.client(packet + request(sftp.FSTAT, 3, b"h1"))
    assert packets(passing.to_target) == [request(sftp.FSTAT, 3, b"h1")]
    assert packets(passing.to_client)[0][4:13] == b"\x65\0\0\0\2\0\0\0\4"


def test_copies_inside_the_target_are_told() -> None:
    passing = with_file(flags=sftp.READ_FLAG | sftp.WRITE_FLAG)
    body = b"".join(
        (bytes((0, 0, 0, 2)), b"\0\0\0\x09copy-data", b"\0\0\0\2h1", bytes(8), bytes(8), b"\0\0\0\2h1", bytes(8))
    )
    passing.client(sftp.packet(sftp.EXTENDED, body))
    assert packets(passing.to_target) == [sftp.packet(sftp.EXTENDED, body)]
    assert passing.entries[-1].data["source"] == "/srv/f"


def test_setstat_of_an_open_file_is_asked_for() -> None:
    passing = with_file(denied=["setstat"])
    passing.client(sftp.packet(sftp.FSETSTAT, b"\0\0\0\2\0\0\0\2h1\0\0\0\4\0\0\1\xff"))
    assert passing.asked[-1].text == "setstat /srv/f mode=0777" and not passing.to_target


def test_steps_in_one_direction_are_put_together() -> None:
    end = Finish(Outcome("closed"))
    steps: list[Step] = [ToTarget(b"a"), ToTarget(b"b"), ToClient(b"c"), ToClient(b"d"), end, ToTarget(b"e")]
    assert joined(steps) == [ToTarget(b"ab"), ToClient(b"cd"), end, ToTarget(b"e")]


SCENE_CLIENT = b"".join((
    init(), opened(1, b"/srv/f", 0x1A), request(sftp.STAT, 2, b"x"), request(sftp.REMOVE, 3, b"/etc/no"),
    extended(4, b"odd@x"), request(sftp.REALPATH, 5, b"."), write(6, b"h9", 0, b"z" * 50),
))  # fmt: skip
SCENE_TARGET = version((b"a@b", b"1"), (b"copy-data", b"1")) + name(OWN, b"/h")


@given(SIZES, SIZES)
def test_packets_are_cut_anywhere_s22(up: list[int], down: list[int]) -> None:
    """S22: what comes out does not depend on how either stream arrives."""

    def played(client: list[bytes], target: list[bytes]) -> tuple[list[bytes], list[bytes], list[str]]:
        passing = Passing(SftpJudge())
        passing.gate = begun(denied=["/etc"]).gate
        for piece in client:
            passing.client(piece)
        for piece in target:
            passing.target(piece)
        return packets(passing.to_client), packets(passing.to_target), [command.text for command in passing.asked]

    whole = played([SCENE_CLIENT], [SCENE_TARGET])
    assert played(cut(SCENE_CLIENT, up), cut(SCENE_TARGET, down)) == whole
    assert len(whole[0]) == 4 and len(whole[1]) == 5 and len(whole[2]) == 3


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=40)), max_size=12), st.booleans())
def test_any_bytes_are_taken_or_refused_with_the_documented_error(
    pieces: list[tuple[bool, bytes]], ready: bool
) -> None:
    passing = with_file() if ready else Passing(SftpJudge())
    try:
        for client, piece in pieces:
            (passing.client if client else passing.target)(piece)
        passing.finish()
    except ProtocolError as error:
        assert error.side in ("client", "target")


def run(setup: Setup, folder: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    path = setup.write(folder / "setup.json")
    program = f"{sys.executable} -m tests.support.transfers {path}"
    batch = "".join(f"{line}\n" for line in lines)
    return subprocess.run(
        ["sftp", "-D", program, "-b", "-"],
        input=batch,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("chunk", [32768, 37])
def test_the_real_client_and_the_real_server(tmp_path: Path, chunk: int) -> None:
    """OpenSSH's sftp and sftp-server with the judge between them: content, refusals, every operation recorded."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    content = os.urandom(300_000 if chunk > 1000 else 3000)
    (here / "up").write_bytes(content)
    (there / "secret").write_text("s")
    setup = Setup(tmp_path / "report", denied=("secret",), chunk=chunk)
    done = run(
        setup, tmp_path, f"put {here}/up {there}/f", f"-get {there}/secret {here}/secret", f"get {there}/f {here}/down",
        f"ls {there}", f"rename {there}/f {there}/g", f"ln -s {there}/g {there}/l", f"chmod 600 {there}/g",
        f"mkdir {there}/d", f"rmdir {there}/d", f"rm {there}/g", f"df {there}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (here / "down").read_bytes() == content
    assert not (here / "secret").exists() and "hoop: refused by rule no-such-files" in done.stderr
    assert {path.name for path in there.iterdir()} == {"secret", "l"}
    found = setup.entries()
    digest = hashlib.sha256(content).hexdigest()
    assert [entry["written"] for entry in found if "written" in entry] == [{"bytes": len(content), "sha256": digest}]
    assert [entry["read"] for entry in found if "read" in entry] == [{"bytes": len(content), "sha256": digest}]
    actions = {entry["action"] for entry in found if entry["kind"] == "command"}
    words = "open list rename symlink setstat mkdir rmdir remove statvfs"
    assert actions >= {f"sftp-{word}" for word in words.split()}
    assert [entry["action"] for entry in found if entry["kind"] == "refused"] == ["sftp-lstat"]


def test_handles_of_answers() -> None:
    passing = begun()
    passing.client(opened(1, b"/a") + opened(2, b"/b"))
    passing.target(handle(2, b"two") + handle(1, b"one"))
    passing.client(request(sftp.CLOSE, 3, b"two"))
    passing.target(sftp.status(3, 0, ""))
    assert passing.outcomes()[0]["path"] == "/b"
