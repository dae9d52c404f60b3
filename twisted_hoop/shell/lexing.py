"""Words of a command line: quoting and expansions, read without guessing. What is not clear is refused (C1)."""

from __future__ import annotations

import re

from twisted_hoop.shell.quoting import ansi_c
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

DEEPEST = 24
"""Constructs within constructs; deeper is not read."""

_RUN = re.compile(r"[^\x00-\x20\x7f;&|<>()'\"`\\$*?\[\]=!~:]+")
_DOUBLE_RUN = re.compile(r"[^\"`\\$\x00]+")
_HERE_RUN = re.compile(r"[^`\\$\x00]+")
_SINGLE = re.compile(r"'([^'\x00]*)'")
_BRACKET = re.compile(r"\[[!^]?\]?[^\]\s'\"$`\\;&|<>()/]{0,99}\]")
_TILDE = re.compile(r"~([A-Za-z0-9_.+-]*)(?=[\s/;&|<>():]|\Z)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = re.compile(r"(#?)([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-])\}")
_BACKTICKS = re.compile(r"`((?:[^`\\\x00]|\\[^\x00])*)`", re.S)
_ENDS_WORD = frozenset(" \t\n;&|<>()")
_AFTER_DOLLAR = frozenset(" \t\n\"'/.,:;&|<>()\\")


class Unclear(Exception):
    """The text is not understood; never leaves this room."""


class TooDeep(Unclear):
    """The text is nested too deeply to be read."""


class Lexer:
    """A text and a place in it."""

    def __init__(self, text: str, depth: int = 0, base: int = 0) -> None:
        self.text = text
        self.at = 0
        self.base = base
        self._depth = depth

    def substituted(self) -> Script:
        """The script up to the `)` that ends it, which is consumed. The grammar knows how; words alone hold none."""
        raise Unclear("a script within a word")

    def backticked(self, text: str, base: int) -> Script:
        """The script that is the whole text. The grammar knows how; words alone hold none."""
        raise Unclear("a script within a word")

    def deeper(self) -> None:
        """One construct further in."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise TooDeep("nested too deeply")

    def shallower(self) -> None:
        """One construct out again."""
        self._depth -= 1

    @property
    def depth(self) -> int:
        """How many constructs are open."""
        return self._depth

    def peek(self, offset: int = 0) -> str:
        """The character there, or "" at the end."""
        return self.text[self.at + offset : self.at + offset + 1]

    def word(self, assigned: bool = False) -> Word:
        """One word; empty when none begins here. `assigned`: tildes count behind `:` too."""
        start, parts = self.at, list[Part]()
        while (char := self.peek()) and (char not in _ENDS_WORD or self._is_process()):
            parts += self._unquoted(char, self.at == start, assigned and self.text[self.at - 1] in "=:")
        return Word(_joined(parts), self.text[start : self.at])

    def _is_process(self) -> bool:
        return self.peek() in "<>" and self.peek(1) == "("

    def _unquoted(self, char: str, first: bool, home: bool) -> list[Part]:
        if match := _RUN.match(self.text, self.at):
            self.at = match.end()
            return [Literal(match[0])]
        if char in "<>":
            return self._process(first)
        handler = _UNQUOTED.get(char)
        if handler is not None:
            return handler(self)
        self.at += 1
        if char == "~" and (first or home):
            return self._tilde()
        if char == "[":
            return self._bracket()
        return _single_character(char, first, self.peek())

    def _process(self, first: bool) -> list[Part]:
        if not first:
            raise Unclear("a process substitution within a word")
        self.at += 2
        return [Process(self.substituted())]

    def _tilde(self) -> list[Part]:
        match = _TILDE.match(self.text, self.at - 1)
        if match is None:
            return [Odd("a tilde"), Literal("~")]
        self.at = match.end()
        return [Tilde(match[1])]

    def _bracket(self) -> list[Part]:
        match = _BRACKET.match(self.text, self.at - 1)
        if match is None:
            return [Literal("[")]
        self.at = match.end()
        return [Glob(match[0])]

    def _star(self) -> list[Part]:
        self.at += 1
        return [Glob(self.text[self.at - 1])]

    def _escaped(self) -> list[Part]:
        following = self.peek(1)
        if following in ("", "\0"):
            raise Unclear("a backslash at the end")
        self.at += 2
        # Shells that join lines first may see a reserved word or an operator here.
        return [Odd("a line that goes on within a word") if following == "\n" else Literal(following, quoted=True)]

    def _single_quoted(self) -> list[Part]:
        match = _SINGLE.match(self.text, self.at)
        if match is None:
            raise Unclear("a quote without end")
        self.at = match.end()
        return [Literal(match[1], quoted=True)]

    def _double_quoted(self) -> list[Part]:
        self.at += 1
        parts = self._expanded(_DOUBLE_RUN, '"')
        self.at += 1
        return [Literal("", quoted=True), *parts]

    def here_body(self) -> Word:
        """The whole text as the body of a here-document whose delimiter was not quoted."""
        return Word(_joined(self._expanded(_HERE_RUN, "")), self.text)

    def _expanded(self, run: re.Pattern[str], end: str) -> list[Part]:
        """Text in which `$`, backticks and some backslashes have a meaning, up to `end`."""
        parts = list[Part]()
        while (char := self.peek()) != end:
            if match := run.match(self.text, self.at):
                self.at = match.end()
                parts.append(Literal(match[0], quoted=True))
            elif char == "$":
                parts += self._dollar(quoted=True)
            elif char == "`":
                parts += self._backticks(quoted=True)
            elif char == "\\":
                parts += self._backslash_within(end)
            else:
                raise Unclear("a quote without end")
        return parts

    def _backslash_within(self, end: str) -> list[Part]:
        following = self.peek(1)
        self.at += 2
        if following == "\n":
            return []
        known = following != "" and following in "$`\\" + end
        return [Literal(following if known else "\\" + following, quoted=True)]

    def _backticks(self, quoted: bool = False) -> list[Part]:
        match = _BACKTICKS.match(self.text, self.at)
        if match is None:
            raise Unclear("a backtick without end")
        known = r'\\([$`\\"])' if quoted else r"\\([$`\\])"
        base = -1 if "\\" in match[1] or self.base < 0 else self.base + match.start(1)
        if base < 0:
            self._blind(match.span())
        self.at = match.end()
        script = self.backticked(re.sub(known, r"\1", match[1]), base)
        odd: list[Part] = [Odd("a double quote within backticks")] if quoted and '"' in match[1] else []
        return [*odd, Substitution(script, quoted)]

    def _blind(self, span: tuple[int, int]) -> None:
        """Positions in the span are not those of the text; the grammar notes it."""

    def _dollar(self, quoted: bool = False) -> list[Part]:
        following = self.peek(1)
        if following == "\\" and self.peek(2) == "\n":
            raise Unclear("a line that goes on behind a dollar sign")
        self.at += 2
        if following == "(":
            return self._parenthesis(quoted)
        if following == "{":
            return self._brace(quoted)
        if following == "'" and not quoted:
            return self._ansi_c()
        if following == '"' and not quoted:
            self.at -= 1
            return [Odd("a translated string"), *self._double_quoted()]
        self.at -= 1
        return self._named(following, quoted)

    def _named(self, following: str, quoted: bool) -> list[Part]:
        if match := _NAME.match(self.text, self.at):
            self.at = match.end()
            return [Variable(match[0], quoted), *self._subscripted()]
        if following and following in "0123456789@*#?$!-":
            self.at += 1
            odd: list[Part] = (
                [Odd("a length")] if following == "#" and self.peek() not in ('"', "", *_ENDS_WORD) else []
            )
            return [*odd, Variable(following, quoted), *self._subscripted()]
        if following in ("[", "\0") or not (following == "" or following in _AFTER_DOLLAR):
            return [Odd("a dollar sign"), *self._stray(following), Literal("$", quoted=True)]
        return [Literal("$", quoted=True)]

    def _stray(self, following: str) -> list[Part]:
        if following == "[":
            raise Unclear("an old form of arithmetic")
        return []

    def _subscripted(self) -> list[Part]:
        """zsh takes `[` and `:x` behind a variable as parts of it."""
        following = self.text[self.at : self.at + 2]
        odd = following[:1] == "[" or (following[:1] == ":" and following[1:].isalpha())
        return [Odd("a subscript or modifier")] if odd else []

    def _parenthesis(self, quoted: bool) -> list[Part]:
        if self.peek() == "(":
            self.at += 1
            return [self.arithmetic()]
        return [Substitution(self.substituted(), quoted)]

    def arithmetic(self) -> Arithmetic:
        """What stands between `((` and `))`, behind which it ends."""
        self.deeper()
        text, parts, open_ones = "", list[Part](), 0
        while not (self.peek() == ")" and open_ones == 0):
            char = self.peek()
            if char == "$":
                parts += self._dollar(quoted=True)
                text += " "
                continue
            if char in ("", "`", "'", '"', "\\", ";", "\0"):
                raise Unclear("arithmetic that is not plain")
            open_ones += (char == "(") - (char == ")")
            text += char
            self.at += 1
        if self.peek(1) != ")":
            raise Unclear("arithmetic or a subshell")
        self.at += 2
        self.shallower()
        return Arithmetic(text, tuple(parts))

    def _brace(self, quoted: bool) -> list[Part]:
        if match := _BRACED.match(self.text, self.at):
            self.at = match.end()
            return [Variable("#" if match[1] else match[2], quoted), *self._subscripted()]
        if self.peek() in ("", " ", "\t", "\n", "|", "("):
            raise Unclear("an expansion that only some shells know")
        name = _NAME.match(self.text, self.at)
        self.deeper()
        parts = self._within_brace(quoted)
        self.shallower()
        return [Variable(name[0] if name else "", quoted, operator=True, parts=tuple(parts))]

    def _within_brace(self, quoted: bool) -> list[Part]:
        """What stands behind the name in `${name…}`: read for what it would run, its value is never told."""
        parts = list[Part]()
        while (char := self.peek()) != "}":
            if char in "\0;&|<>()\n" or (quoted and char == "'"):
                raise Unclear("an expansion that shells read in different ways")
            handler = _UNQUOTED.get(char)
            if handler is not None:
                parts += handler(self)
            else:
                self.at += 1
        self.at += 1
        return parts

    def _ansi_c(self) -> list[Part]:
        decoded = ansi_c(self.text, self.at)
        if decoded is None:
            raise Unclear("a quote without end")
        text, self.at = decoded
        return [Odd("a string in $'…'"), Literal(text, quoted=True)]


_UNQUOTED = {
    "'": Lexer._single_quoted,
    '"': Lexer._double_quoted,
    "`": Lexer._backticks,
    "\\": Lexer._escaped,
    "$": Lexer._dollar,
    "*": Lexer._star,
    "?": Lexer._star,
}


def _single_character(char: str, first: bool, following: str) -> list[Part]:
    if char == "\0":
        raise Unclear("a NUL byte")
    if char < " " or char == "\x7f":
        return [Odd("a control character"), Literal(char)]
    if first and char in "=!" and following not in ("", *_ENDS_WORD):
        return [Odd("a word that begins with = or !"), Literal(char)]
    return [Literal(char)]


def _joined(parts: list[Part]) -> tuple[Part, ...]:
    """Neighbouring literals as one; a `[` and a `]` that may yet be a glob make the word odd."""
    found = list[Part]()
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, Literal) and isinstance(last, Literal) and part.quoted == last.quoted:
            found[-1] = Literal(last.text + part.text, part.quoted)
        else:
            found.append(part)
    bare = "".join(part.text if isinstance(part, Literal) and not part.quoted else "_" for part in found)
    if len(bare) > 1 and "]" in bare.partition("[")[2]:
        found.insert(0, Odd("a bracket expression"))
    return tuple(found)
