"""Errors and notices: what may stay, what goes (M4). Real errors of a real server: tests/attacks/test_m_values.py."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.masking.detectors import Detector
from twisted_hoop.masking.messages import HIDDEN, Field, redact_fields, redact_text
from twisted_hoop.masking.spans import SpanMasker

CARDS = SpanMasker(Detector(["card"]), {"card": "partial"}, b"k" * 32)


def fields(message: str, code: str = "22P02", file: str = "numutils.c", **more: str) -> list[Field]:
    start = [("S", "ERROR"), ("V", "ERROR"), ("C", code), ("M", message), ("P", "8"), ("F", file), ("R", "x")]
    return [(ord(kind), value.encode()) for kind, value in (*start, *more.items())]


def message(found: list[Field]) -> str:
    return dict(found)[ord("M")].decode()


KEY = 'duplicate key value violates unique constraint "pk"'
CHECK = 'new row for relation "t" violates check constraint "k"'


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ('invalid input syntax for type integer: "734-10"', "invalid input syntax for type integer: *****", {}),
        (KEY, None, {"n": "pk"}),
        (KEY, "duplicate key value violates unique constraint *****", {}),
        ('null value in column "c" of relation "t" violates not-null constraint', None, {"c": "c", "t": "t"}),
        (CHECK, None, {"t": "t", "n": "k"}),
        (CHECK, 'new row for relation "t" violates check constraint *****', {"t": "t"}),
        ('value "99999999999" is out of range for type integer', "value ***** is out of range for type integer", {}),
        ('value "a" is "b" out of range', "value ***** out of range", {}),
        ('bad: """Ada"" Lovelace"', "bad: *****", {}),
        ("invalid memory alloc request size 4111111111111111", "invalid memory alloc request size *****", {}),
        ("index 52 out of valid range, 0..7", "index ***** out of valid range, *****", {}),
        ("operator does not exist: ada", "operator does not exist: *****", {}),
        ("ungültige Eingabesyntax für Typ integer: »Ada«", "ungültige Eingabesyntax für Typ integer: *****", {}),
        ("le type « Ada » n'existe pas", "le type ***** n'existe pas", {}),
        ("division by zero", None, {}),
        ("numeric field overflow", None, {}),
        ("type int4 is fine", None, {}),
        ("", None, {}),
    ],
)  # fmt: skip
def test_only_fixed_words_and_known_names_stay(before: str, after: str | None, names: dict[str, str]) -> None:
    """M4: the message of the server itself, without what it quotes."""
    assert message(redact_fields(fields(before, **names), True, None)) == (before if after is None else after)


def test_what_goes_and_what_stays() -> None:
    given_ = fields("division by zero", D="secret", H="secret", W="secret", q="secret", s="public", t="t", c="c", n="n")
    kept = {chr(kind): value.decode() for kind, value in redact_fields(given_, True, None)}
    assert "secret" not in kept.values()
    assert kept == {
        "S": "ERROR", "V": "ERROR", "C": "22P02", "M": "division by zero", "P": "8", "F": "numutils.c", "R": "x",
        "s": "public", "t": "t", "c": "c", "n": "n",
    }  # fmt: skip


@pytest.mark.parametrize("file", ["pl_exec.c", "plpy_elog.c", "plperl.c", "pltcl.c", "dblink.c", "connection.c", ""])
@pytest.mark.parametrize("code", ["P0001", "23505", "22P02", "00000", "41111"])
def test_user_code_cannot_speak(file: str, code: str) -> None:
    """M4: RAISE may imitate every SQLSTATE and set every name; only codes it could not choose freely stay."""
    given_ = fields("Ada Lovelace", code, file, n="4111111111111111", t="Ada", s="Ada", c="Ada", d="Ada")
    kept = {chr(kind): value.decode() for kind, value in redact_fields(given_, True, None)}
    assert kept["M"] == HIDDEN.decode()
    assert not set("stcdn") & set(kept)
    assert kept["C"] == {"22P02": "P0001", "41111": "P0001"}.get(code, code)


def test_codes_no_server_uses_are_user_code_s() -> None:
    assert message(redact_fields(fields("Ada", "41111", "numutils.c"), True, None)) == HIDDEN.decode()
    warning = dict(redact_fields(fields("Ada", "01ABC", "pl_exec.c"), True, None))
    assert warning[ord("C")] == b"01000"


@pytest.mark.parametrize("file", ["plancat.c", "planner.c", "../src/backend/utils/adt/int.c"])
def test_the_planner_is_no_procedural_language(file: str) -> None:
    assert message(redact_fields(fields("division by zero", file=file), True, None)) == "division by zero"


def test_untainted_statements_are_only_searched() -> None:
    given_ = fields('bad card "4111111111111111"', D="it was 4111111111111111", W="PL 4111111111111111", q="x", H="y")
    assert redact_fields(given_, False, None) == given_
    kept = dict(redact_fields(given_, False, CARDS))
    assert kept[ord("M")] == b'bad card "************1111"'
    assert b"4111111111111111" not in b"".join(kept.values())
    assert set(kept) == set(dict(given_))


def test_payloads() -> None:
    assert redact_text(None, b"4111111111111111") == b"4111111111111111"
    assert redact_text(CARDS, b"x 4111111111111111") == b"x ************1111"


TEXT = st.text(st.sampled_from("ab\"»«„“:： 41.x_'()"), max_size=30)


def kept_of(text: bytes, names: list[bytes]) -> bytes:
    given_ = [(77, text), (67, b"22P02"), (70, b"int.c"), *((110, name) for name in names)]
    return dict(redact_fields(given_, True, None))[77]


@given(TEXT, st.binary(max_size=30))
def test_nothing_quoted_no_number_and_nothing_after_a_colon_survives(text: str, noise: bytes) -> None:
    """M4: whatever the message is made of."""
    kept = kept_of(text.encode() + noise, [])
    assert b'"' not in kept and not re.search(rb"(?<![A-Za-z_])[0-9]", kept)
    assert all(part.startswith(b" *****") for part in kept.split(b":")[1:])


@given(TEXT, st.lists(TEXT, max_size=2), TEXT)
def test_a_name_may_stay_but_takes_nothing_with_it(text: str, names: list[str], secret: str) -> None:
    message = f'{text} "{secret}Ada{secret}"'.encode()
    kept = kept_of(message, [name.encode() for name in names])
    assert b"Ada" not in kept
