"""P7, M3, R15: a target that breaks the protocol, and one whose bytes arrive one by one, behind a live gateway.

The gateway believes of a target what its catalogue says and what OIDs its RowDescriptions name: that is the limit of
what can be checked. That it keeps the order of the protocol is checked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from tests.integration.plans import target
from tests.support.attacks import LOGIN, Attacked, attacked, leaked, secrets_of
from tests.support.hostile import hostile_target
from tests.support.postgres import Server
from tests.support.wire import bind, cells, codes, describe, execute, kinds, message, parse, query, sync

SECRET = b"the-secret-of-a-row"
READY = message("Z", b"I")


def column(name: bytes, table: int = 0, number: int = 0, kind: int = 25, form: int = 0) -> bytes:
    return name + b"\0" + struct.pack(">IHIhih", table, number, kind, -1, -1, form)


def described(*columns: bytes) -> bytes:
    return message("T", struct.pack(">H", len(columns)) + b"".join(columns))


def row(*values: bytes) -> bytes:
    return message("D", struct.pack(">H", len(values)) + b"".join(struct.pack(">i", len(v)) + v for v in values))


ONE = described(column(b"a"))
DONE = message("C", b"SELECT 1\0") + READY
FATAL = {
    "a row without description": row(SECRET) + DONE,
    "a row behind the end": ONE + message("C", b"SELECT 0\0") + row(SECRET) + READY,
    "a row behind ready": ONE + DONE + row(SECRET),
    "a cell longer than its row": ONE + message("D", struct.pack(">Hi", 1, 1000) + SECRET) + DONE,
    "a cell of negative length": ONE + message("D", struct.pack(">Hi", 1, -5) + SECRET) + DONE,
    "a row cut short": ONE + message("D", struct.pack(">H", 1)) + DONE,
    "a row without a count": ONE + message("D") + DONE,
    "a length below four": ONE + b"D\0\0\0\3" + SECRET,
    "a length of zero": b"C\0\0\0\0" + SECRET,
    "a negative length": ONE + b"D\xff\xff\xff\xff" + SECRET,
    "two gigabytes in a masked row": ONE + b"D\x7f\xff\xff\xff" + SECRET,
    "two gigabytes in a command tag": ONE + b"C\x7f\xff\xff\xff" + SECRET,
    "two gigabytes in an error": b"E\x7f\xff\xff\xff" + SECRET,
    "a description that is too short": message("T", b"\0\5a\0"),
    "a description that is too long": message("T", b"\0\0" + SECRET),
    "COPY BOTH": message("W", b"\0\0\0") + message("d", SECRET),
    "authentication in the middle": message("R", struct.pack(">I", 3)),
    "a new cancel key": message("K", bytes(8)),
    "a protocol version": message("v", bytes(8)),
    "an unknown type": b"?\0\0\0\x04",
    "a type of zero": b"\0\0\0\0\x04",
    "ready twice": DONE.replace(b"C", b"C") + READY,
    "a parse nobody sent": message("1"),
    "a bind nobody sent": message("2"),
    "a close nobody sent": message("3"),
    "parameters nobody asked for": message("t", b"\0\0"),
    "no data nobody asked for": message("n"),
    "a suspended portal": ONE + message("s"),
    "a function's result": message("V", struct.pack(">i", len(SECRET)) + SECRET),
    "an error without an end": message("E", b"SERROR\0C42000\0Mx"),
    "a notice without an end": message("N", b"Mno end"),
    "another encoding": message("S", b"client_encoding\0SJIS\0"),
    "other strings": message("S", b"standard_conforming_strings\0off\0"),
    "a broken parameter": message("S", b"no end"),
    "a broken notification": message("A", b"\0\0"),
    "COPY rows nobody asked for": message("H", b"\0\0\1\0\0") + message("d", SECRET + b"\n") + message("c") + DONE,
    "a COPY to fill nobody asked for": message("G", b"\0\0\1\0\0"),
}
PASSING = {
    "fewer cells than described": described(column(b"a"), column(b"b")) + row(b"*") + DONE,
    "an error without SQLSTATE": message("E", b"SERROR\0Mboo\0\0") + READY,
    "no fields at all": message("E", b"\0") + READY,
}
NAMES = {f"evil{n}!": answer for n, answer in enumerate([*FATAL.values(), *PASSING.values()])}


@pytest.fixture(scope="module")
def house(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with hostile_target(postgres, NAMES) as evil, hostile_target(postgres, {}, 1) as slow:
        folder = tmp_path_factory.mktemp("hostile")
        database = f"attacked_{folder.name}"
        more = [
            target(name, postgres, database, LOGIN, [f'endpoint = "tcp:127.0.0.1:{proxy.port}"'])
            for name, proxy in (("evil", evil), ("slow", slow))
        ]
        with attacked(postgres, folder, more="".join(more)) as house:
            yield house


def text_of(case: str) -> str:
    return f"select upper(card_number) as evil{[*FATAL, *PASSING].index(case)}! from customers".replace(
        " as evil", " -- evil"
    )


@pytest.mark.parametrize(
    ("case", "extended"),
    [
        (case, extended)
        for case in FATAL
        for extended in (False, True)
        if not (extended and case == "a parse nobody sent")
    ],
)
def test_P7_R15_what_breaks_the_protocol_ends_that_session_alone(house: Attacked, case: str, extended: bool) -> None:
    """P7: one FATAL and the end, and no byte of a row that nothing is known of; R15: the neighbours do not notice."""
    with house.wire("ci", "evil") as neighbour, house.wire("ci", "evil") as wire:
        if extended:
            wire.send(parse("", text_of(case)), bind(), describe(), execute(), sync())
        else:
            wire.send(query(text_of(case)))
        said = wire.rest()
        assert said and said[-1].kind == "E" and said[-1].fields["S"] == "FATAL", kinds(said)
        assert said[-1].fields["C"] in ("08P01", "54000")
        assert SECRET not in wire.everything
        assert cells(neighbour.query("select 'alive'")) == [[b"alive"]]
    assert not [line for line in house.gateway.lines() if "Traceback" in str(line)]


@pytest.mark.parametrize("case", PASSING)
def test_P7_what_is_odd_but_whole_ends_nothing(house: Attacked, case: str) -> None:
    """Fewer cells, an error without SQLSTATE (CVE-2026-6666): the session goes on."""
    with house.wire("ci", "evil") as wire:
        wire.send(query(text_of(case)))
        assert kinds(wire.until_ready())[-1] == "Z"
        assert cells(wire.query("select 'alive'")) == [[b"alive"]]


BROKEN = {
    "a length of zero": b"Q\0\0\0\0",
    "a length of three": b"Q\0\0\0\3",
    "a negative length": b"Q\xff\xff\xff\xff",
    "two gigabytes": b"Q\x7f\xff\xff\xff",
    "an unknown type": message("?"),
    "a type of zero": b"\0\0\0\0\4",
    "a server's message": message("D", b"\0\0"),
    "a password in the middle": message("p", b"x\0"),
    "a query without end": message("Q", b"select 1"),
    "a query with two ends": message("Q", b"select 1\0; drop table customers\0"),
    "a parse without end": message("P", b"a"),
    "a parse with more types than bytes": message("P", b"a\0select 1\0\xff\xff"),
    "a parse with bytes behind": message("P", b"a\0select 1\0\0\0select 2\0"),
    "a bind that is too short": message("B", b"\0\0\0"),
    "a bind with a value past its end": message("B", b"\0\0\0\0\0\1\0\0\xff\xffx"),
    "a bind with more formats than values": message("B", b"\0\0\0\2\0\0\0\0\0\1\0\0\0\0\0\0"),
    "a describe of nothing": message("D", b"Xx\0"),
    "a close of nothing": message("C", b"Xx\0"),
    "an execute without rows": message("E", b"\0"),
    "a function call cut short": message("F", b"\0"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_P7_what_a_client_breaks_does_not_reach_the_target(house: Attacked, case: str) -> None:
    """P7: an error, mostly FATAL, and what stands behind the broken message is never read as SQL."""
    with house.wire() as neighbour, house.wire() as wire:
        wire.send(BROKEN[case], query("create table desynchronised ()"), sync())
        said = wire.rest() if case not in HARMLESS else wire.until("Z")
        assert "E" in kinds(said)
        assert cells(neighbour.query("select 'alive'")) == [[b"alive"]]
    if case not in HARMLESS:
        assert house.superuser("select count(*) from pg_class where relname = 'desynchronised'") == [(0,)]


HARMLESS = ("a function call cut short", "an execute without rows")


@pytest.mark.parametrize("how", ["", "csv", "binary"])
def test_M3_values_in_pieces_of_one_byte_are_masked(house: Attacked, how: str) -> None:
    """M3: every chunk of the target is one byte: rows in text and binary, COPY in every format, errors."""
    secrets = secrets_of(house.direct())
    with house.wire("ci", "slow") as wire:
        if not how:
            for form in (0, 1):
                text = "select card_number, upper(ssn), id from customers where id < 4"
                wire.send(parse("", text), bind(results=[form]), execute(), sync())
                answer = wire.until_ready()
                assert [row[:2] for row in cells(answer)] == [[b"*****", b"*****"]] * 3
            assert codes(wire.query("select card_number::date from customers")) == ["22008"]
        else:
            answer = wire.query(f"copy (select * from customers where id < 9) to stdout (format {how})")
            assert sum(m.kind == "d" for m in answer) >= 8
        assert not leaked(secrets, bytes(wire.everything))
