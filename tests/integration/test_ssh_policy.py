"""Rules, approvals, limits and the registry over real ssh: what is refused, what waits, and what is ended."""

from __future__ import annotations

import json
import signal
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import wait_for
from tests.support.ssh_gateway import ALLOW, SshPlace, ssh_gateway
from tests.support.ssh_house import SshHouse


def entries_of(place: SshPlace, text: str) -> list[dict[str, Any]]:
    """The entries of the closed recording that has this text."""

    def look() -> list[dict[str, Any]]:
        for each in place.gateway.library.list(limit=500):
            found = list(place.gateway.library.read(each.id))
            if each.state == "closed" and text in json.dumps(found):
                return found
        return []

    found: list[dict[str, Any]] = wait_for(look, f"a closed recording with {text}")
    return found


@pytest.mark.parametrize("jump", [False, True], ids=["direct", "jump"])
def test_a_refusal_has_status_126_and_names_its_rule(house_of_ssh: SshHouse, tmp_path: Path, jump: bool) -> None:
    (tmp_path / "kept").touch()
    done = house_of_ssh.run(f"rm -rf {tmp_path}/kept", jump=jump)
    assert done.returncode == 126 and done.stdout == b""
    assert done.stderr.startswith(b"hoop: refused by rule nothing is removed: files are not removed here\n")
    assert (tmp_path / "kept").exists()
    refused = next(e for e in entries_of(house_of_ssh, f"{tmp_path}/kept") if e["kind"] == "refused")
    assert refused["text"] == f"rm -rf {tmp_path}/kept" and refused["rule"] == "nothing is removed"


def test_a_refusal_says_what_was_not_understood(house_of_ssh: SshHouse) -> None:
    done = house_of_ssh.run("rm $(cat /nowhere)")
    assert done.returncode == 126 and b"\nNot understood: the output of a command." in done.stderr


def test_a_refusal_for_programs_is_a_line_of_json(house_of_ssh: SshHouse) -> None:
    done = house_of_ssh.run("rm x", HOOP_OUTPUT="json")
    told = json.loads(done.stderr)
    assert (told["error"], told["rule"], done.returncode) == ("denied", "nothing is removed", 126)
    assert told["session"]


def test_a_refused_session_opens_nothing_at_the_target(house_of_ssh: SshHouse) -> None:
    """S14: not even a connection."""
    before = house_of_ssh.sshd.log().count("Connection from")
    assert house_of_ssh.run("rm x").returncode == 126
    assert house_of_ssh.sshd.log().count("Connection from") == before


def _pending(house: SshHouse, text: str) -> dict[str, Any]:
    return house.gateway.pending(text)


@pytest.mark.parametrize("jump", [False, True], ids=["direct", "jump"])
def test_a_review_is_held_and_runs_when_approved(house_of_ssh: SshHouse, jump: bool) -> None:
    mark = f"deploy-thing {uuid.uuid4().hex}"
    running = house_of_ssh.start(house_of_ssh.command(mark, jump=jump))
    request = _pending(house_of_ssh, mark)
    assert running.poll() is None and request["reason"] == ""
    assert house_of_ssh.gateway.decide(request["id"]).status == 200
    _, err = running.communicate(b"", timeout=60)
    assert running.returncode == 127, "it ran: the target has no such program"
    assert b"hoop: waiting for approval by dba (production): https://hoop.test/" in err and b"not found" in err
    entries = entries_of(house_of_ssh, mark)
    command = next(e for e in entries if e["kind"] == "command")
    assert command["approval"]["id"] == request["id"] and command["approval"]["by"]
    assert [e["kind"] for e in entries if e["kind"] in ("review", "command", "outcome")] == [
        "review",
        "command",
        "outcome",
    ]


def test_a_review_that_is_denied_is_a_refusal(house_of_ssh: SshHouse) -> None:
    mark = f"deploy-thing {uuid.uuid4().hex}"
    running = house_of_ssh.start(house_of_ssh.command(mark))
    house_of_ssh.gateway.decide(_pending(house_of_ssh, mark)["id"], "deny", comment="not on a Friday")
    _, err = running.communicate(b"", timeout=60)
    assert running.returncode == 126 and b"not on a Friday" in err


def test_the_reason_that_a_client_gives_is_shown_to_who_approves(house_of_ssh: SshHouse) -> None:
    mark = f"deploy-thing {uuid.uuid4().hex}"
    running = house_of_ssh.start(house_of_ssh.command(mark, options=["-oSetEnv=HOOP_REASON=ticket-7"]))
    request = _pending(house_of_ssh, mark)
    assert "ticket-7" in json.dumps(request)
    house_of_ssh.gateway.decide(request["id"], "deny")
    running.communicate(b"", timeout=60)


def test_ctrl_c_withdraws_what_waits(house_of_ssh: SshHouse) -> None:
    """Without a terminal Ctrl-C ends ssh itself; with one it arrives as a key."""
    mark = f"deploy-thing {uuid.uuid4().hex}"
    running = house_of_ssh.start(house_of_ssh.command(mark))
    request = _pending(house_of_ssh, mark)
    running.send_signal(signal.SIGINT)
    running.wait(30)
    _withdrawn(house_of_ssh, request["id"])
    mark = f"deploy-thing {uuid.uuid4().hex}"
    running = house_of_ssh.start(house_of_ssh.command(mark, options=["-tt"]))
    request = _pending(house_of_ssh, mark)
    assert running.stdin is not None
    running.stdin.write(b"\x03")
    running.stdin.flush()
    running.wait(60)
    assert running.returncode == 130
    _withdrawn(house_of_ssh, request["id"])


def _withdrawn(house: SshHouse, request: str) -> None:
    wait_for(
        lambda: [r for r in house.gateway.requests("deploy-thing", "withdrawn") if r["id"] == request], "withdrawn"
    )


def test_without_waiting_the_same_command_passes_once_it_is_approved(house_of_ssh: SshHouse) -> None:
    mark = f"retry-thing {uuid.uuid4().hex}"
    first = house_of_ssh.run(mark)
    assert first.returncode == 126 and b"run the same command again once it is approved" in first.stderr
    house_of_ssh.gateway.decide(_pending(house_of_ssh, mark)["id"])
    assert house_of_ssh.run(mark).returncode == 127
    assert house_of_ssh.run(mark).returncode == 126, "one approval, one use"


def test_A4_an_approval_is_not_for_another_way_of_running(house_of_ssh: SshHouse) -> None:
    mark = f"retry-thing {uuid.uuid4().hex}"
    assert house_of_ssh.run(mark).returncode == 126
    house_of_ssh.gateway.decide(_pending(house_of_ssh, mark)["id"])
    assert house_of_ssh.run(mark, LANG="de_DE.UTF-8").returncode == 126
    assert house_of_ssh.run(mark).returncode == 127


def test_whoever_may_not_open_the_target_is_told_no_more_than_of_none(house_of_ssh: SshHouse) -> None:
    forbidden = house_of_ssh.run("true", who="tom")
    unknown = house_of_ssh.do(["ssh", *house_of_ssh.options("tom"), "-lroot%nowhere", "direct", "true"])
    assert forbidden.returncode == unknown.returncode == 255
    assert forbidden.stderr == unknown.stderr and b"no such target or account" in forbidden.stderr


def test_S15_every_way_to_a_secret_is_refused(house_of_ssh: SshHouse, tmp_path: Path) -> None:
    """One rule about a path holds for a command, both scp protocols, sftp, rsync, and a shell's line."""
    house, config, to = house_of_ssh, ["-F", str(house_of_ssh.config())], str(tmp_path / "got")
    tries = {
        "exec": house.run("cat /etc/shadow"),
        "exec behind sh": house.run("sh -c 'cat /etc/shadow'"),
        "scp": house.do(["scp", "-O", *config, "direct:/etc/shadow", to]),
        "scp by sftp": house.do(["scp", "-s", *config, "direct:/etc/shadow", to]),
        "scp of a folder": house.do(["scp", "-O", "-r", *config, "direct:/etc/../etc/shadow", to]),
        "sftp": house.do(["sftp", *config, "-b", "-", "direct"], f"get /etc/shadow {to}\n".encode()),
        "sftp from a folder": house.do(["sftp", *config, "-b", "-", "direct"], f"cd /etc\nget shadow {to}\n".encode()),
        "rsync": house.do(["rsync", "-e", f"ssh -F {config[1]}", "direct:/etc/shadow", to]),
        "a script for a shell": house.do(house.command(options=["-T"]), b"cd /etc\ncat /etc/shadow\necho after\n"),
        "subsystem by exec": house.run("/usr/lib/openssh/sftp-server", stdin=_sftp_open(b"/etc/shadow")),
    }
    assert b"after" not in tries["a script for a shell"].stdout
    for way, done in tries.items():
        assert b"root:" not in done.stdout and not (tmp_path / "got").exists(), way
        assert done.returncode != 0 or way == "subsystem by exec", way
        assert b"these are secret" in done.stderr + done.stdout, (way, done.stderr)


def _sftp_open(path: bytes) -> bytes:
    def packet(body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + body

    name = len(path).to_bytes(4, "big") + path
    return packet(b"\x01\0\0\0\x03") + packet(b"\x03\0\0\0\x07" + name + b"\0\0\0\x01\0\0\0\0")


def test_what_happened_is_in_the_recording(house_of_ssh: SshHouse) -> None:
    mark = uuid.uuid4().hex
    house_of_ssh.run(f"cat; echo {mark} >&2; exit 4", stdin=b"typed")
    entries = entries_of(house_of_ssh, mark)
    assert entries[0]["attributes"]["login"] and entries[0]["attributes"]["client"].startswith("SSH-2.0-OpenSSH")
    assert entries[0]["attributes"]["host"] == "web-1"
    streams = {(e["kind"], e["stream"]): e["text"] for e in entries if "stream" in e}
    assert streams == {("input", "stdin"): "typed", ("output", "stdout"): "typed", ("output", "stderr"): f"{mark}\n"}
    outcome = next(e for e in entries if e["kind"] == "outcome")
    assert (outcome["status"], outcome["stdin"], outcome["stdout"], outcome["stderr"]) == (4, 5, 5, 33)


def test_killing_a_session_ends_both_legs_within_a_second(house_of_ssh: SshHouse) -> None:
    running = house_of_ssh.start(house_of_ssh.command("echo here; exec cat"))
    assert running.stdout is not None and running.stdout.readline() == b"here\n"
    session = _live(house_of_ssh, "sue")
    before = house_of_ssh.sshd.log().count("Disconnected from")
    began = time.monotonic()
    answer = house_of_ssh.gateway.api("POST", f"/v1/sessions/{session}/end", "olga", {"reason": "enough"})
    assert answer.status in (200, 202, 204), answer.body
    _, err = running.communicate(timeout=30)
    took = time.monotonic() - began
    assert running.returncode == 255 and b"hoop: " in err
    assert took < 5, f"{took} seconds: a second, and what a busy machine adds"
    wait_for(lambda: house_of_ssh.sshd.log().count("Disconnected from") > before, "the end of the target's leg")


def _live(place: SshPlace, who: str) -> str:
    def look() -> str:
        found = place.gateway.api("GET", "/v1/sessions?state=live", "carol").json["sessions"]
        return next((s["id"] for s in found if who in json.dumps(s)), "")

    session: str = wait_for(look, "a live session")
    return session


def test_limits_and_reloads_end_sessions(tmp_path: Path) -> None:
    """One session at a time; a target whose settings change ends the sessions that know the old ones (R13)."""
    with ssh_gateway(tmp_path, ALLOW, target="limits = { sessions_per_principal = 1 }\nexec_only = true") as place:
        running = place.start(place.command("echo here; sleep 300"))
        assert running.stdout is not None and running.stdout.readline() == b"here\n"
        second = place.run("true")
        assert second.returncode == 255 and b"the most it may have" in second.stderr
        shell = place.run(options=["-T"], who="sue")
        assert shell.returncode == 255
        plan = place.plan
        place.gateway.reload(type(plan)(plan.text.replace("exec_only = true", "exec_only = false"), plan.environ))
        _, err = running.communicate(timeout=60)
        assert b"settings of this target or its masks have changed" in err
        assert place.run("exit 5").returncode == 5


def test_C3_an_exec_only_target_takes_commands_and_no_shell(tmp_path: Path) -> None:
    with ssh_gateway(tmp_path, ALLOW, target="exec_only = true") as place:
        assert place.run("echo fine").stdout == b"fine\n"
        done = place.do(place.command(options=["-tt"]), b"id\nexit\n")
        assert done.returncode == 126 and b"takes commands only" in done.stderr and b"uid=" not in done.stdout


def test_a_target_that_is_lost_ends_its_channels_with_a_reason(tmp_path: Path) -> None:
    with ssh_gateway(tmp_path) as place:
        running = place.start(place.command("echo here; sleep 300"))
        assert running.stdout is not None and running.stdout.readline() == b"here\n"
        place.sshd.stop()
        _, err = running.communicate(timeout=60)
        assert running.returncode == 255 and b"hoop: " in err
        done = place.run("true")
        assert done.returncode == 255 and b"hoop: target web-1" in done.stderr


def test_stopping_the_gateway_waits_for_a_command_and_tells_a_shell(tmp_path: Path) -> None:
    with ssh_gateway(tmp_path) as place:
        command = place.start(place.command("echo here; sleep 1.5; echo done"))
        shell = place.start(place.command(options=["-tt"]))
        assert command.stdout is not None and command.stdout.readline() == b"here\n"
        assert shell.stdout is not None and shell.stdout.read(1)
        stopping = threading.Thread(target=place.gateway.stop)
        stopping.start()
        assert command.communicate(timeout=60)[0] == b"done\n" and command.returncode == 0
        _, err = shell.communicate(timeout=60)
        assert b"the gateway stops" in err
        stopping.join(60)


def test_masks_hide_what_streams_by(tmp_path: Path) -> None:
    masks = '[[masks]]\nname = "cards"\ndetect = ["card"]\n[[masks]]\nname = "fields"\nfields = ["secret"]\n'
    with ssh_gateway(tmp_path, more=masks) as place:
        done = place.run("echo 4111 1111 1111 1111; printf '4111 1111 ' >&2; sleep 0.02; echo '1111 1111' >&2")
        assert b"1111" not in done.stdout + done.stderr, done
        done = place.run("""echo '{"secret": "xyzzy", "open": 1}'""")
        assert b"xyzzy" not in done.stdout and json.loads(done.stdout)["open"] == 1
        prompt = place.start(place.command("printf 'name: '; read x; echo hello $x"))
        assert prompt.stdout is not None and prompt.stdout.read(6) == b"name: ", (
            "a prompt does not wait for its line's end"
        )
        assert prompt.communicate(b"you\n", timeout=60)[0] == b"hello you\n"
        card = b"4111 1111 1111 1111"
        (tmp_path / "card").write_bytes(card)
        fetched = place.do(["scp", *place.options(), f"direct:{tmp_path}/card", f"{tmp_path}/copy"])
        assert fetched.returncode == 0 and (tmp_path / "copy").read_bytes() == card, "files are bytes"
        place.gateway.stop()
        for each in place.gateway.library.list(limit=100):
            shown = [e for e in place.gateway.library.read(each.id) if e["kind"] == "output"]
            assert "1111" not in json.dumps(shown) and "xyzzy" not in json.dumps(shown)
