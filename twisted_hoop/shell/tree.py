"""A command line as a tree: the shell command language of POSIX.1-2024 (XCU 2), and what bash and zsh add to it.

Text is held with one character a byte (latin-1), so that positions are bytes and nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Union


@dataclass(frozen=True, slots=True)
class Literal:
    """Text as it will be; braces and the like in it have a meaning only when it is not quoted."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Glob:
    """An unquoted `*`, `?` or `[…]`."""

    text: str


@dataclass(frozen=True, slots=True)
class Tilde:
    """An unquoted `~` where a home directory may stand; `user` is "" for one's own."""

    user: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """`$name`; `operator` when it is `${name…}` with more than the name, and `parts` is what stands there."""

    name: str
    quoted: bool
    operator: bool = False
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Substitution:
    """`$(…)` or backticks."""

    script: Script
    quoted: bool


@dataclass(frozen=True, slots=True)
class Process:
    """`<(…)` or `>(…)`."""

    script: Script


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`$((…))`, `((…))`: `text` without the parts that are expanded first."""

    text: str
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Odd:
    """No text: marks a word that shells read in different ways; `why` says what it is."""

    why: str


Part = Union[Literal, Glob, Tilde, Variable, Substitution, Process, Arithmetic, Odd]


@dataclass(frozen=True, slots=True)
class Word:
    """One word before expansion; `raw` is its text as written."""

    parts: tuple[Part, ...]
    raw: str = ""

    def plain(self) -> str | None:
        """Its text when nothing in it is quoted or expanded, as for reserved words."""
        return self.raw if all(isinstance(part, Literal) and not part.quoted for part in self.parts) else None


@dataclass(slots=True)
class HereDocument:
    """What follows `<<`: its `body` is read when the line ends."""

    delimiter: str
    quoted: bool
    tabs: bool
    body: Word = Word(())


@dataclass(frozen=True, slots=True)
class Redirect:
    """`operator` as written without the number; `target` is the word behind it, or `here` the document."""

    operator: str
    target: Word
    here: HereDocument | None = None

    @property
    def both(self) -> bool:
        """`&>`, which is "in the background" and `>` to shells that do not know it."""
        return self.operator.startswith("&>")


@dataclass(frozen=True, slots=True)
class Assignment:
    """`name=value`; `array` holds the words of `name=(…)`. `append` is `+=`."""

    name: str
    value: Word
    append: bool = False
    array: tuple[Word, ...] | None = None


@dataclass(frozen=True, slots=True)
class Simple:
    """Assignments, words, redirects. `start` is where the first word stands, -1 where that cannot be told."""

    assignments: tuple[Assignment, ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]
    start: int = -1


@dataclass(frozen=True, slots=True)
class Group:
    """`{ … }`, or `( … )` when `subshell`."""

    script: Script
    subshell: bool


@dataclass(frozen=True, slots=True)
class If:
    """`branches` are (condition, body); `otherwise` is empty without else."""

    branches: tuple[tuple[Script, Script], ...]
    otherwise: Script


@dataclass(frozen=True, slots=True)
class Loop:
    """while and until."""

    condition: Script
    body: Script


@dataclass(frozen=True, slots=True)
class For:
    """`words` is None for the positional parameters; `arithmetic` is set for `for ((…))`."""

    name: str
    words: tuple[Word, ...] | None
    body: Script
    arithmetic: Arithmetic | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """`arms` are (patterns, body)."""

    word: Word
    arms: tuple[tuple[tuple[Word, ...], Script], ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A definition."""

    name: str
    body: Command


@dataclass(frozen=True, slots=True)
class Condition:
    """`[[ … ]]` with its words, or `((…))` as one of them."""

    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Redirected:
    """A compound command with redirects."""

    command: Command
    redirects: tuple[Redirect, ...]


Command = Union[Simple, Group, If, Loop, For, Case, Function, Condition, Redirected]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands joined by `|`; one is the usual case."""

    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """Pipelines joined by `&&` and `||`, each with the operator before it ("" for the first)."""

    chain: tuple[tuple[str, Pipeline], ...]
    background: bool = False


Script = tuple[Statement, ...]


@dataclass(slots=True)
class Seen:
    """What the grammar noted besides the tree: `names` are the bytes at which commands' first words stand.

    `blind` are ranges (start, end) within which positions are not those of the text. `words` counts words.
    """

    names: set[int] = field(default_factory=set)
    blind: list[tuple[int, int]] = field(default_factory=list)
    words: int = 0
