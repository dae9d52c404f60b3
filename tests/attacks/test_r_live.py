"""R1, R10, R13, R14, R15, P8, I9 in a live gateway: what fails, floods or blocks harms nobody else and is recorded."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.attacks import EVERYTHING_AT_ALL, Attacked, attacked
from tests.support.gateway import PEOPLE, Plan
from tests.support.postgres import Server
from tests.support.wire import Wire, bind, cells, codes, execute, kinds, message, parse, query, sync


@pytest.fixture(scope="module")
def house(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(postgres, tmp_path_factory.mktemp("live"), EVERYTHING_AT_ALL) as house:
        yield house


def memory(house: Attacked, field: str) -> int:
    """VmRSS or VmHWM of the gateway, in bytes."""
    lines = Path(f"/proc/{house.gateway.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024


def tables(house: Attacked, pattern: str) -> list[str]:
    """Tables the attacks made."""
    return [name for (name,) in house.superuser(f"select relname::text from pg_class where relname like '{pattern}'")]


def sends(text: str, how: str) -> bytes:
    """A statement by either protocol."""
    return query(text) if how == "simple" else parse("", text) + bind() + execute() + sync()


@pytest.mark.parametrize("how", ["simple", "extended"])
def test_R1_what_cannot_be_recorded_is_not_run(house: Attacked, how: str) -> None:
    """R1: no room for recordings any more: the session ends with 58030, and the target never sees the statement."""
    pid = house.gateway.process.pid
    with house.wire(application_name=f"r1-{how}") as wire:
        wire.send(sends(f"create table recorded_{how} ()", how))
        assert codes(wire.until_ready()) == []
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        try:
            wire.send(sends(f"create table unrecorded_{how} ()", how), sends(f"create table unrecorded2_{how} ()", how))
            said = wire.rest()
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    assert kinds(said) == "E"
    assert (said[0].fields["S"], said[0].fields["C"]) == ("FATAL", "58030")
    assert tables(house, f"%recorded%_{how}") == [f"recorded_{how}"]
    with house.wire() as after:
        assert cells(after.query("select 'well again'")) == [[b"well again"]]


def test_R1_a_session_that_cannot_be_recorded_does_not_open(house: Attacked) -> None:
    """R1: and nobody gets as far as the target."""
    pid = house.gateway.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    try:
        with pytest.raises(AssertionError, match="58030"), house.wire():
            raise NotImplementedError
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    with house.wire() as after:
        assert cells(after.query("select 'well again'")) == [[b"well again"]]


def test_R10_a_flood_of_statements_is_recorded_to_the_last(house: Attacked) -> None:
    """R10: 6000 statements in one piece, each with an outcome; large answers meanwhile; nothing is cut."""
    many = 6000
    with house.wire(application_name="r10") as wire:
        flood = b"".join(query(f"select {n}, repeat('x', 2000)") for n in range(many))
        sender = threading.Thread(target=wire.send, args=(flood,))
        sender.start()
        answer = wire.until_ready(many)
        sender.join()
        assert sum(m.kind == "D" for m in answer) == many
    entries = house.gateway.entries("r10")
    assert sum(e["kind"] == "command" for e in entries) == many
    assert sum(e["rows"] for e in entries if e["kind"] == "outcome") == many


def test_P8_one_row_larger_than_the_gateways_memory_passes(house: Attacked) -> None:
    """P8: a row of 300 MB that no mask concerns is streamed; the gateway grows by a fraction of it."""
    size = 300_000_000
    with house.wire("bob") as wire:
        wire.query("select 1")
        before = memory(house, "VmHWM")
        wire.send(query(f"select repeat('x', {size})"))
        received = drained(wire, size)
        assert received > size
        assert memory(house, "VmHWM") - before < 48_000_000
    with house.wire() as wire:
        wire.send(query(f"select repeat(card_number, {size // 16}) from customers where id = 1"))
        last = wire.rest()[-1]
        assert (last.fields["S"], last.fields["C"]) == ("FATAL", "54000")


def drained(wire: Wire, size: int) -> int:
    """Read everything of an answer without keeping it."""
    received, tail = 0, b""
    while not tail.endswith(b"Z\0\0\0\5I"):
        data = wire.socket.recv(1 << 20)
        assert data
        received += len(data)
        tail = (tail + data)[-6:]
    return received


@pytest.mark.parametrize("attack", ["huge statements", "deep statements", "many parameters", "log-ins"])
def test_R14_what_costs_one_session_does_not_stop_another(house: Attacked, attack: str) -> None:
    """R14: while three others make the gateway work hard, one session is answered again and again.

    Each log-in is one by SCRAM at the target: its key derivation is the work.
    """
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with house.wire() as wire:
                wire.send(HARD[attack](number))
                wire.until_ready()

    attackers = [threading.Thread(target=work) for _ in range(3)]
    with house.wire("bob") as calm:
        for attacker in attackers:
            attacker.start()
        longest, until = 0.0, time.monotonic() + 2.5
        while time.monotonic() < until:
            began = time.monotonic()
            assert cells(calm.query("select 'calm'")) == [[b"calm"]]
            longest = max(longest, time.monotonic() - began)
        stop.set()
        for attacker in attackers:
            attacker.join()
    assert longest < 2.0, "another session stood still"


HARD = {
    "huge statements": lambda number: query(f"select {number}" + ", 1" * 60_000),
    "deep statements": lambda number: query(f"select {number} where " + "(" * 3000 + "true" + ")" * 3000),
    "many parameters": lambda number: (
        parse("", f"select {number}, " + ", ".join(f"${n}::int" for n in range(1, 30_000))) + sync()
    ),
    "log-ins": lambda number: query(f"select {number}"),
}


def test_R15_a_session_that_dies_of_a_fault_leaves_the_others(house: Attacked) -> None:
    """R15: twenty sessions break off in twenty ways, in the middle of everything; another one is answered whole."""
    with house.wire("bob") as calm:
        calm.send(query("select g, repeat('x', 100) from generate_series(1, 20000) g"))
        for number in range(20):
            with house.wire() as wire:
                wire.send((query("select pg_sleep(5)") + message("X"))[: number + 3])
                if number % 2:
                    wire.send(b"\xff" * number)
        rows = sum(m.kind == "D" for m in calm.until_ready())
        assert rows == 20000
    assert not [line for line in house.gateway.lines() if "Traceback" in str(line)]


def test_R13_I9_a_reload_that_takes_somebody_away_ends_the_session(house: Attacked) -> None:
    """I9, R13: the account is gone with the new configuration: the next command does not run."""
    people = {name: about for name, about in PEOPLE.items() if name != "ann"}
    with house.wire("ann") as wire, house.wire("bob") as other:
        wire.query("select 1")
        house.gateway.reload(Plan(house.plan.text, house.plan.environ, people=people))
        try:
            wire.send(query("create table after_ann_left ()"))
            said = wire.rest()
            assert said[-1].fields["S"] == "FATAL"
            assert cells(other.query("select 'stays'")) == [[b"stays"]]
        finally:
            house.gateway.reload(house.plan)
    assert tables(house, "after_ann_left") == []


def test_R13_every_command_carries_the_version_of_its_rules(house: Attacked) -> None:
    """R13: a reload in the middle of a session; each entry names the rules it was judged by."""
    denying = house.plan.text + '[[rules]]\nname = "later"\neffect = "allow"\nstatements = ["select"]\n'
    with house.wire("bob", application_name="r13") as wire:
        wire.query("select 'before'")
        house.gateway.reload(Plan(denying, house.plan.environ))
        wire.query("select 'after'")
        house.gateway.reload(house.plan)
    versions = {e["text"]: e["policy"] for e in house.gateway.entries("r13") if e["kind"] == "command"}
    assert versions["select 'before'"] != versions["select 'after'"]
