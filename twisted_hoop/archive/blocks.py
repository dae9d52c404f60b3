"""Commands that differ in little, as one row of the index. Pure.

The store finds rows; which of a row's commands are meant is told here. Commands share a row when they are of one
session, within SPAN, and have all in common but numbers and strings in their texts, and parameters: a row of one text
has its words in their order, one of several has each word once, and a mark (MANY) that says so.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from twisted_hoop.archive.query import Query
from twisted_hoop.archive.rows import SPREAD
from twisted_hoop.archive.words import words_of

MANY = "m"
"""The mark of rows of several texts, in which words say nothing about what follows what."""
SPAN = 10.0
"""Seconds between the first and the last command of a row, at most: what a page before a time has to look through."""
SPAN_IDS = int(SPAN * 1_000_000) * SPREAD
_MORE = "more"

Text = tuple[str, str]
"""A text, and the words of what came with it (parameters, paths), with spaces between."""
Told = tuple[int, int, dict[str, Any]]
"""Of one command: id, number in its recording, what a hit shows."""


class Block(NamedTuple):
    """One row. `ids` and `numbers` go up; `which` says for each the place of its text in `texts`.

    `about` is what a hit of the first command shows.
    """

    session: str
    ids: Sequence[int]
    numbers: Sequence[int]
    which: Sequence[int]
    texts: Sequence[Text]
    about: Mapping[str, Any]
    words: Sequence[str]
    marks: frozenset[str]

    @property
    def id(self) -> int:
        """That of its last command: no command in it is newer."""
        return self.ids[-1]

    @property
    def n(self) -> int:
        """The number of its last command."""
        return self.numbers[-1]

    def stored(self) -> Mapping[str, Any]:
        """What stands in the store: for one command what it shows, as ever; else the others as well."""
        if len(self.ids) == len(self.texts) == 1:
            return self.about
        more: dict[str, Any] = {"ids": _steps(self.ids), "n": _steps(self.numbers)}
        if len(self.texts) > 1:
            more |= {"of": list(self.which), "texts": list(self.texts)}
        return {**self.about, _MORE: more}

    def without(self, known: Container[int]) -> Block | None:
        """Without commands of these numbers; None when none is left."""
        kept = [at for at, number in enumerate(self.numbers) if number not in known]
        if len(kept) == len(self.numbers):
            return self
        if not kept:
            return None
        ids, numbers, which = ([values[at] for at in kept] for values in (self.ids, self.numbers, self.which))
        return self._replace(ids=ids, numbers=numbers, which=which)


def _steps(values: Sequence[int]) -> list[int]:
    """The first, and what each is more than the one before it."""
    return [values[0], *(after - before for before, after in pairwise(values))]


def numbers_of(about: Mapping[str, Any], n: int) -> Iterator[int]:
    """The numbers of the commands in a row."""
    more = about.get(_MORE)
    return iter((n,)) if more is None else accumulate(more["n"])


def told(ident: int, n: int, about: dict[str, Any], query: Query) -> Iterator[Told]:
    """The commands in a row that the store found; of one with several texts those whose words are looked for."""
    more = about.pop(_MORE, None)
    if more is None:
        yield ident, n, about
        return
    abouts: list[dict[str, Any] | None] = [about]
    if "texts" in more:
        abouts = [{**about, "text": text} if _meant(query, text, rest) else None for text, rest in more["texts"]]
    which = more.get("of") or [0] * len(more["n"])
    for each, number, place in zip(accumulate(more["ids"]), accumulate(more["n"]), which, strict=True):
        if (shown := abouts[place]) is not None:
            yield each, number, shown


def _meant(query: Query, text: str, rest: str) -> bool:
    return not query.phrases or query.says((*words_of(text), *rest.split()))
