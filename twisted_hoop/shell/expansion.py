"""Words → what they expand to in a known state (POSIX.1-2024, XCU 2.6), as far as no shell would disagree (C1)."""

from __future__ import annotations

import re
from collections.abc import Callable

from twisted_hoop.shell.braces import TooMany, alternatives, has_braces
from twisted_hoop.shell.names import is_volatile
from twisted_hoop.shell.paths import escaped
from twisted_hoop.shell.tree import (
    Arithmetic,
    Glob,
    Literal,
    Odd,
    Part,
    Process,
    Script,
    Substitution,
    Tilde,
    Variable,
    Word,
)
from twisted_hoop.shell.values import ANYTHING, HOME, LONGEST_VALUE, NUMBER, State, TooLong, Value, is_number, unknown

Output = Callable[[Script, State], "Value | None"]
"""Judges a script in a shell of its own; says what it prints, without newlines at the end, when that is known."""

Doubted = Callable[[str, State], None]
"""Told of what may run something while it is expanded, wherever it stands: in an assignment too."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HARMLESS = re.compile(r"[\w\s+\-*/%()<>=!&|^~?:,]*", re.A)
_ASSIGNED = re.compile(
    r"([A-Za-z_][A-Za-z0-9_]*)\s*(?:\+\+|--|[+\-*/%&|^]?=(?!=)|<<=|>>=)|(?:\+\+|--)\s*([A-Za-z_]\w*)"
)
_SPLITS = frozenset(" \t\n*?[\\")
_COUNTS = frozenset("?#$!")


class Expander:
    """Expands words. `output` is called for every substitution, so that what it would run is judged, and `doubted` for
    what may run something that nobody can see: subscripts and offsets are arithmetic, and that evaluates variables.
    """

    def __init__(self, output: Output, doubted: Doubted) -> None:
        self._output = output
        self._doubted = doubted

    def words(self, word: Word, state: State) -> list[Value]:
        """The words that one word becomes."""
        parts = word.parts
        if not has_braces(parts):
            return self._fields(word, parts, state)
        try:
            several = alternatives(parts)
        except TooMany as many:
            return [unknown(word.raw, str(many))]
        if several == [parts]:  # `{m..m}` becomes one word as well, and another one
            return self._fields(word, parts, state)
        fields = [self._fields(word, one, state) for one in several]
        if not all(fields):
            return [unknown(word.raw, "braces with an empty alternative, which only some shells keep")]
        return [_differing(value) for found in fields for value in found]

    def unbraced(self, word: Word, state: State) -> list[Value]:
        """The words that one becomes in a shell without brace expansion."""
        return self._fields(word, word.parts, state)

    def one(self, word: Word, state: State) -> Value:
        """The word as a single one, as in an assignment: nothing is split, no braces, no globs."""
        fields = self._fields(word, tuple(_quoted(part) for part in word.parts), state)
        return fields[0] if len(fields) == 1 else Value("") if not fields else unknown(word.raw, "several words")

    def _fields(self, word: Word, parts: tuple[Part, ...], state: State) -> list[Value]:
        if len(parts) == 1 and isinstance(parts[0], Literal):
            return [Value(parts[0].text)] if parts[0].text or parts[0].quoted else []
        if _is_all(parts) and state.positional is not None:
            return list(state.positional)
        field = _Field()
        for part in parts:
            self._add(field, part, state)
        if not field.text and any(isinstance(part, Variable) and part.name == "@" for part in parts):
            return [unknown(word.raw, "a word that shells keep or drop")] if field.there else []
        return [field.value()] if field.there else []

    def _add(self, field: _Field, part: Part, state: State) -> None:
        if isinstance(part, Literal):
            field.literally(part.text, part.quoted)
        elif isinstance(part, Glob):
            field.openly(part.text, "?" if part.text.startswith("[") else part.text)
        elif isinstance(part, Odd):
            field.unsure(part.why)
        elif isinstance(part, Tilde):
            field.tilde(part.user, state.homely and "HOME" not in state.variables)
        elif isinstance(part, Variable):
            self._variable(field, part, state)
        elif isinstance(part, Substitution):
            printed = self._output(part.script, state)
            field.put(printed or unknown("$(...)", "the output of a command"), part.quoted)
        elif isinstance(part, Process):
            self._output(part.script, state)
            field.stream()
        else:
            field.put(self.number(part, state), quoted=False)

    def _variable(self, field: _Field, part: Variable, state: State) -> None:
        if part.operator:
            for inner in part.parts:
                self._add(_Field(), inner, state)
            state.variables[part.name] = ANYTHING
            self._doubted("an expansion with an operator", state)
            field.put(unknown(f"${{{part.name}...}}", "an expansion with an operator"), part.quoted)
        elif part.name in "@*" and state.positional == ():
            field.there = field.there or (part.quoted and part.name == "*")
        else:
            field.put(_looked_up(part.name, state), part.quoted)

    def number(self, arithmetic: Arithmetic, state: State) -> Value:
        """What arithmetic comes to: some number, or nothing that is known. Names in it are evaluated in turn."""
        sure = _HARMLESS.fullmatch(arithmetic.text) is not None
        for part in arithmetic.parts:
            field = _Field()
            self._add(field, part, state)
            sure = sure and is_number(field.value())
        for name in _IDENTIFIER.findall(arithmetic.text):
            sure = sure and is_number(state.variables.get(name, ANYTHING))
        for match in _ASSIGNED.finditer(arithmetic.text):
            name = match[1] or match[2]
            sure = sure and not is_volatile(name)
            state.variables[name] = NUMBER if sure else ANYTHING
        if sure:
            return NUMBER
        why = "arithmetic on what is not known to be numbers"
        self._doubted(why, state)
        return unknown("$((...))", why)


def _looked_up(name: str, state: State) -> Value:
    known = state.variables.get(name)
    if known is not None:
        return known
    if name in _COUNTS:
        return NUMBER
    if name.isdigit() and name != "0" and state.positional is not None:
        number = int(name[:6])
        return state.positional[number - 1] if number <= len(state.positional) else Value("")
    if name == "HOME" and state.homely and not state.wild:
        return Value(HOME, home=True)
    if name == "PWD" and state.places is not None and len(state.places) == 1 and not state.wild:
        (place,) = state.places
        return Value(place, home=place.startswith(HOME))
    return unknown(f"${name}", f"the variable {name}, which comes from elsewhere")


def _is_all(parts: tuple[Part, ...]) -> bool:
    """Whether it is `"$@"` and nothing else."""
    bare = [part for part in parts if not (isinstance(part, Literal) and part.text == "")]
    return len(bare) == 1 and isinstance(bare[0], Variable) and bare[0].name == "@" and bare[0].quoted


def _differing(value: Value) -> Value:
    return Value(value.text, value.glob, value.home, value.unsure, value.digits, dialect=True, stream=value.stream)


def _quoted(part: Part) -> Part:
    """The part where nothing is split and no file names are filled in."""
    if isinstance(part, Glob):
        return Literal(part.text, quoted=True)
    if isinstance(part, Variable):
        return Variable(part.name, True, part.operator, part.parts)
    return Substitution(part.script, quoted=True) if isinstance(part, Substitution) else part


class _Field:
    """A word while its parts are put together."""

    __slots__ = ("_glob", "_home", "_number", "_open", "_stream", "_why", "text", "there")

    def __init__(self) -> None:
        self.text = self._glob = self._why = ""
        self._home = self._open = self._stream = self.there = False
        self._number = True

    def literally(self, text: str, quoted: bool = True) -> None:
        self.text += text
        self._glob += escaped(text)
        self._number = self._number and text.isdigit() and text.isascii()
        self.there = self.there or quoted or bool(text)

    def openly(self, text: str, glob: str) -> None:
        self.text += text
        self._glob += glob
        self._open = self.there = True
        self._number = False

    def unsure(self, why: str) -> None:
        self._why = self._why or why
        self.there = True

    def tilde(self, user: str, known: bool) -> None:
        if user:
            self.openly("~" + user, "/**")
        elif self.text or not known:
            self.unsure("a ~ whose home directory is not known")
            self.text += "~"
        else:
            self._home, self._number = True, False
            self.literally("~")

    def stream(self) -> None:
        self._stream = True
        self.openly("/dev/fd/63", "/dev/fd/*")

    def put(self, value: Value, quoted: bool) -> None:
        """What a variable, a substitution or arithmetic came to."""
        if value.unsure or value.dialect:
            self.unsure(value.unsure or "braces in a variable")
        if not quoted and not value.digits and (value.glob or not _SPLITS.isdisjoint(value.text)):
            self.unsure("a variable without quotes whose value shells split in different ways")
        if value.home and self.text:
            self.unsure("a home directory within a word")
        self._home = self._home or value.home
        self._open = self._open or bool(value.glob)
        self._number = self._number and is_number(value)
        self.text += value.text
        self._glob += value.glob or escaped(value.text)
        if len(self.text) > LONGEST_VALUE:
            raise TooLong("a word that grows too long")
        self._stream = self._stream or value.stream
        self.there = self.there or quoted or bool(value.text)

    def value(self) -> Value:
        text, why = self.text, self._why
        if self._home and not (text == HOME or text.startswith(HOME + "/")):
            why = why or "a home directory within a word"
        glob = self._glob if self._open else ""
        digits = self._number and self._open
        return Value(text, glob, self._home, why, digits, stream=self._stream)
