"""Errors, notices and notifications under masks (M4)."""

from __future__ import annotations

from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.hiding import Hiding
from twisted_hoop.postgres.registry import Registry
from twisted_hoop.postgres.state import Run, State
from twisted_hoop.postgres.wire import Rewriter
from twisted_hoop.settings import MaskSection
from twisted_hoop.testing.postgres import knowledge_of, notification, split

CARDS = MaskSection(name="cards", columns=[r".*\.card"])
FOUND = MaskSection(name="found", detect=["card"])
NUMBER = "4111 1111 1111 1111"


def hiding(*masks: MaskSection) -> Hiding:
    names = frozenset(m.name for m in masks)
    return Hiding(State(knowledge_of(masks), Registry(10), Rewriter(lambda kind, body: None), lambda: names))


def run(tainted: bool, *masks: str) -> Run:
    return Run(1, ((),), frozenset(masks), tainted)


def fields(text: str) -> list[tuple[int, bytes]]:
    return [
        *pg.error_fields(pg.error("22P02", f'invalid: "{text}"', f"detail {text}", "hint")[5:]),
        (ord("F"), b"numutils.c"),
    ]


def told(data: bytes | None) -> dict[int, bytes]:
    assert data is not None
    return dict(pg.error_fields(split(data)[0][1]))


def test_m4_an_error_of_a_command_that_touches_masked_columns_tells_no_value() -> None:
    """M4: the SQLSTATE stays, so that drivers can react."""
    error = told(hiding(CARDS).error(fields("invalid input: secret-value"), run(True, "cards")))
    assert error[ord("C")] == b"22P02"
    assert not any(b"secret-value" in value for value in error.values())


def test_m4_what_comes_outside_of_any_command_is_hidden_too() -> None:
    """M4: nobody knows whose values it shows."""
    notice = told(hiding(CARDS).notice(fields("secret-value"), None))
    assert not any(b"secret-value" in value for value in notice.values())


def test_an_error_of_a_command_that_touches_none_passes() -> None:
    assert hiding(CARDS).error(fields("relation does not exist"), run(False, "cards")) is None
    assert hiding().error(fields("anything"), None) is None


def test_m4_detectors_look_at_every_error() -> None:
    """M4: a card number in the text of an error."""
    error = told(hiding(FOUND).error(fields(f"bad {NUMBER}"), run(False, "found")))
    assert NUMBER.encode() not in b"".join(error.values())


def test_m4_notifications() -> None:
    """M4: a payload comes of another session: hidden under column masks, looked at under detectors."""
    body = notification(b"channel", b"payload")[5:]
    assert hiding().notification(body) is None
    assert hiding(CARDS).notification(body) == notification(b"channel", b"*****")
    assert hiding(CARDS).notification(notification(b"channel", b"")[5:]) == notification(b"channel", b"")
    assert hiding(FOUND).notification(body) == notification(b"channel", b"payload")
    found = hiding(FOUND).notification(notification(b"c", NUMBER.encode())[5:])
    assert found is not None
    assert NUMBER.encode() not in found


def parsing(*more: tuple[str, bytes]) -> list[tuple[int, bytes]]:
    told = [("S", b"ERROR"), ("C", b"42703"), ("M", b'column "nme" does not exist'), ("P", b"8"), *more]
    return [(ord(kind), value) for kind, value in told]


def test_an_error_about_the_text_itself_passes() -> None:
    assert hiding(CARDS).error(parsing(), run(True, "cards")) is None
    assert hiding(CARDS).error(parsing(), None) is None


def test_m4_nothing_that_runs_passes_for_the_parser() -> None:
    """M4: a function may raise any SQLSTATE with any message, but not without a context or a text of its own."""
    for more in (("W", b"PL/pgSQL function f() line 1 at RAISE"), ("q", b"select x"), ("p", b"3")):
        assert b"nme" not in told(hiding(CARDS).error(parsing(more), run(True, "cards")))[ord("M")]
    without = [field for field in parsing() if field[0] != ord("P")]
    assert b"nme" not in told(hiding(CARDS).error(without, run(True, "cards")))[ord("M")]
    other = [(kind, b"22P02" if kind == ord("C") else value) for kind, value in parsing()]
    assert b"nme" not in told(hiding(CARDS).error(other, run(True, "cards")))[ord("M")]
