"""Commands gathered into rows of the index, as they come from a recording. Pure.

Most commands of a busy session were nearly seen before: what an entry has but its text and parameters is read as JSON
once, and a whole entry that comes again is not looked at.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import orjson

from twisted_hoop.archive.blocks import MANY, SPAN_IDS, Block
from twisted_hoop.archive.rows import MAX_SHOWN, SPREAD, Frame, Row, RowMaker, first_id, words_of_all
from twisted_hoop.archive.words import MAX_WORDS, words_of
from twisted_hoop.recording.following import Line, read

MOST_TEXTS = 200
"""Texts of one row: what a search looks through to find one of them."""
_MOST_REMEMBERED = 1000
_MOST_REST = 400
_LONGEST = 2000
_HEAD = re.compile(
    rb'\{"n":([0-9]{1,18}),"t":([0-9]{1,12}\.[0-9]{1,6}),"kind":"(command|refused|review)"(?:,"channel":[0-9]+)?(?:,"command":[0-9]+)?'
)
# Up to the text, the text, and what follows. No string in JSON holds a quote that no backslash stands before.
_TEXT = re.compile(rb'([^{}\\]*?)"text":"([^"\\]*)"(.*)', re.S)
_PARAMETERS = b',"parameters":['
_QUOTED = re.compile(rb"'[^']*'")

T = TypeVar("T")
Words = tuple[str, ...]


class Family(NamedTuple):
    """What texts have in common that may share a row: what a hit shows but the text, marks, words beside the text."""

    key: tuple[Any, ...]
    about: Mapping[str, Any]
    marks: frozenset[str]
    beside: tuple[str, ...]


class Said(NamedTuple):
    """One text of a family: as a hit shows it, whether that is not all of it, and its words."""

    family: Family
    text: str
    cut: bool
    words: tuple[str, ...]


def template(text: bytes) -> bytes:
    """What of a text does not vary: all but digits and strings in quotes."""
    if b"'" in text:
        text = _QUOTED.sub(b"", text)
    return text.translate(None, b"0123456789")


def said(frame: Frame, text: str, words: Words, marks: frozenset[str], same: bytes) -> Said:
    """Texts with one template are of one family; a text that is longer than what is shown has its own."""
    longer, about = len(text) > MAX_SHOWN, frame.about
    which: tuple[Any, ...] = (text, words) if longer else (same,)
    key = (about["kind"], about["action"], about["decision"], about["rule"], marks, *which)
    return Said(Family(key, about, marks, frame.words), text[:MAX_SHOWN], longer, words)


class _Draft:
    """A row that grows. Little of it is for the garbage collector to look at: there are many, and soon none."""

    __slots__ = ("_ids", "_numbers", "_one", "_texts", "_which", "_words")

    def __init__(self, one: Said) -> None:
        self._one = one
        self._ids, self._numbers, self._which = array("q"), array("q"), array("q")
        self._texts: dict[str, int] = {}
        self._words: list[Words] = []

    def takes(self, ident: int, n: int, rest: str, one: Said, beside: Words) -> bool:
        """One more, if it is later, near enough, and there is room for its text and the `rest` of its words."""
        if self._ids and not self._ids[-1] < ident < self._ids[0] + SPAN_IDS:
            return False
        text = f"{rest}\0{one.text}"
        place = self._texts.get(text)
        if place is None:
            place = len(self._texts)
            if place >= MOST_TEXTS:
                return False
            self._texts[text] = place
            self._words += (one.words, beside) if beside else (one.words,)
        self._ids.append(ident)
        self._numbers.append(n)
        self._which.append(place)
        return True

    def block(self, session: str) -> Block:
        """What becomes of it."""
        one, words = self._one, self._words[0]
        about, marks = {**one.family.about, "text": one.text, "cut": one.cut}, one.family.marks
        if len(self._words) > 1:
            words = tuple(chain.from_iterable(self._words))
        if len(self._texts) > 1:
            words, marks = tuple(dict.fromkeys(words)), marks | {MANY}
        texts = [(text, rest) for rest, _, text in (each.partition("\0") for each in self._texts)]
        return Block(session, self._ids, self._numbers, self._which, texts, about, words, marks)


class Gathered:
    """Commands of one session that wait to be put in; `len` counts them, `words` what memory they take."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._open: dict[tuple[Any, ...], _Draft] = {}
        self._drafts: list[_Draft] = []
        self._count = 0
        self.words = 0

    def __len__(self) -> int:
        return self._count

    def add(self, ident: int, n: int, one: Said, beside: Words) -> None:
        """One more; `beside` are the words that are not its text's."""
        rest, key = " ".join(beside) if beside else "", one.family.key
        if len(rest) > _MOST_REST:  # it is like none but itself
            key, rest, beside = (*key, one.words, beside), "", beside[: MAX_WORDS - len(one.words)]
        draft = self._open.get(key)
        if draft is None or not draft.takes(ident, n, rest, one, beside):
            draft = self._open[key] = _Draft(one)
            draft.takes(ident, n, rest, one, beside)
            self._drafts.append(draft)
        self._count += 1
        self.words += len(one.words) + len(beside)

    @property
    def rows(self) -> int:
        """How many rows they make."""
        return len(self._drafts)

    def blocks(self) -> Iterator[Block]:
        """The rows they make."""
        return (draft.block(self._session) for draft in self._drafts)


def gathered(rows: Iterable[Row]) -> Iterator[Block]:
    """Rows of any sessions, each with others like it."""
    sessions: dict[str, Gathered] = {}
    named = {(row.session, row.n): row for row in reversed(list(rows))}
    for row in sorted(named.values(), key=lambda each: (each.session, each.n)):
        text, own = row.about["text"], len(words_of(row.about["text"]))
        if row.about["cut"]:
            text, own = text + "\0", len(row.words)  # what follows there, the words tell
        frame = Frame(row.about, (), row.marks)
        one = said(frame, text, row.words[:own], row.marks, template(text.encode("utf-8", "surrogatepass")))
        sessions.setdefault(row.session, Gathered(row.session)).add(row.id, row.n, one, row.words[own:])
    return chain.from_iterable(each.blocks() for each in sessions.values())


class Gatherer:
    """Takes the entries of one recording. `waiting` is what was not put in yet; `take_all` hands it over."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        self._maker = RowMaker(header)
        self._known: dict[bytes, Said] = {}
        self._families: dict[bytes, Family] = {}
        self._frames: dict[bytes, Frame] = {}
        self.waiting = Gathered(self._maker.session)

    def take_all(self) -> Gathered:
        """What waits, which does so no longer."""
        found, self.waiting = self.waiting, Gathered(self._maker.session)
        return found

    def take(self, line: Line) -> int:
        """An entry of a kind in ASKED: its number. RecordingDamaged for what is none; others for odd fields."""
        head = _HEAD.match(line) if isinstance(line, bytes) else None
        if head is None or (parts := self._parts(head.string, head)) is None:
            entry = read(line)
            one, given = self._whole(entry), words_of_all(entry.get("parameters"))
            n, seconds = int(entry["n"]), float(entry.get("t") or 0.0)
        else:
            one, given = parts
            n, seconds = int(head[1]), float(head[2])
        beside = one.family.beside
        ident = first_id(self._maker.at(seconds)) + n % SPREAD
        self.waiting.add(ident, n, one, (*given, *beside) if beside else given)
        return n

    def _parts(self, line: bytes, head: re.Match[bytes]) -> tuple[Said, Words] | None:
        """Text and parameters of one whose other parts were seen before; None where they cannot be told apart."""
        given: Words = ()
        rest = head[3] + line[head.end() :]
        if (at := rest.find(_PARAMETERS)) >= 0:
            try:
                more = orjson.loads(b"{" + rest[at + 1 :])
            except ValueError:
                return None
            if len(more) != 1:
                return None
            given, rest = words_of_all(more["parameters"]), rest[:at]
        one = self._known.get(rest) or self._saying(rest, line)
        return None if one is None else (one, given)

    def _saying(self, rest: bytes, line: bytes) -> Said | None:
        """What was never said just so."""
        parts = _TEXT.fullmatch(rest)
        if parts is None or len(rest) > _LONGEST:
            return None
        before, raw, behind = parts.groups()
        same = template(raw)
        key = b"\0".join((before, same, behind))
        family, text = self._families.get(key), raw.decode("utf-8", "replace")
        if family is not None:
            return Said(family, text, False, words_of(text))
        frame = self._frame(b"\0".join((before, behind)), text, line)
        if frame is None:
            return None
        one = self._remembered(self._known, rest, self._said(frame, text, same))
        if b"/" not in raw and not one.cut:  # where paths are in texts, each has marks of its own
            self._remembered(self._families, key, one.family)
        return one

    def _frame(self, key: bytes, text: str, line: bytes) -> Frame | None:
        frame = self._frames.get(key)
        if frame is None:
            entry = read(line)
            if entry.get("text") != text:
                return None
            frame = self._remembered(self._frames, key, self._maker.frame(entry))
        return frame

    @staticmethod
    def _remembered(where: dict[bytes, T], key: bytes, value: T) -> T:
        if len(where) >= _MOST_REMEMBERED:
            where.clear()
        where[key] = value
        return value

    def _whole(self, entry: dict[str, Any]) -> Said:
        text = str(entry.get("text") or "")
        return self._said(self._maker.frame(entry), text, template(text.encode("utf-8", "surrogatepass")))

    def _said(self, frame: Frame, text: str, same: bytes) -> Said:
        return said(frame, text, words_of(text), self._maker.marks(frame, text), same)
