"""One simple command while it is judged, and the facts that come of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from twisted_hoop.model import Facts
from twisted_hoop.shell.paths import Place, escaped, placed
from twisted_hoop.shell.values import State, Value

HOMES = ("/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
_LINKER = re.compile(r"ld(-[\w-]+)?\.so(\.[0-9]+)*|ld-[\w.-]+\.so(\.[0-9]+)*", re.A)
_OPEN = re.compile(r"\\.|[*?]+", re.S)


@dataclass(frozen=True, slots=True)
class Opened:
    """What redirects open: files read and written, and a here-document or here-string as `text` when it is known."""

    reads: tuple[Value, ...] = ()
    writes: tuple[Value, ...] = ()
    text: Value | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """Where a command runs. `functions`: its first word may be a function. `depth` counts wrappers around it. `doubt`:
    why it may do something else than its words say.
    """

    state: State
    piped: bool = False
    flags: frozenset[str] = frozenset()
    opened: Opened = Opened()
    functions: bool = True
    depth: int = 0
    doubt: str = ""


@dataclass(slots=True)
class Doing:
    """A command: its words, where it runs, and what is found out about it.

    `files` and `trees` are words that name files, and directories with all below; `places` are files known already.
    `told` are the numbers of words that are known to be no files.
    """

    argv: list[Value]
    context: Context
    classes: set[str] = field(default_factory=lambda: {"exec"})
    flags: set[str] = field(default_factory=set)
    files: list[Value] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    trees: list[Value] = field(default_factory=list)
    access: set[str] = field(default_factory=set)
    told: set[int] = field(default_factory=set)
    why: str = ""

    @property
    def name(self) -> str:
        """The program's name without its directories."""
        return self.argv[0].text.rpartition("/")[2] if self.argv else ""

    @property
    def family(self) -> str:
        """`python3.11` and `vim.tiny` are what they begin with, and every dynamic linker runs what it is given."""
        return "ld.so" if _LINKER.fullmatch(self.name) else self.name.partition(".")[0].rstrip("0123456789-")

    @property
    def state(self) -> State:
        """What is known of the shell it runs in."""
        return self.context.state

    def doubt(self, why: str) -> None:
        """What it does cannot be told from the text."""
        self.classes.add("dynamic")
        self.why = self.why or why

    def starts(self) -> list[str]:
        """The directories it may run in; doubt when it may be any."""
        return sorted(self.state.places or ())

    def facts(self) -> Facts:
        """What rules are asked about."""
        self._doubt_words()
        places = self._all_places()
        arguments = self.argv[1:]
        values: dict[str, set[str]] = {
            "class": self.classes,
            "program": self._programs(),
            "command": self._commands(),
            "command_glob": self._command_globs(),
            "argument": {value.text for value in arguments},
            "argument_glob": {value.glob for value in arguments if value.glob},
            "path": {place.path for place in places},
            "path_glob": {place.glob for place in places if place.glob},
            "access": self.access,
            "flag": self.flags,
        }
        return {name: frozenset(map(shown, found)) for name, found in values.items() if found}

    def _doubt_words(self) -> None:
        for value in self.argv:
            if value.unsure:
                self.doubt(value.unsure)
            if value.glob and not (value.digits or value.stream):
                self.flags.add("glob")
                if value.text.startswith("-"):
                    self.doubt("a glob that may become an option")
        if self.argv and not self.argv[0].literal:
            self.doubt("a program whose name is not known")
        if self.argv and "/" in self.argv[0].text:
            for place in self.placed(self.argv[0]):
                if place.unsure:
                    self.doubt(place.unsure)

    def _all_places(self) -> list[Place]:
        found = list(self.places)
        opened = self.context.opened
        for value in (*self.files, *opened.reads, *opened.writes):
            found += self.placed(value)
        for value in self.trees:
            for place in self.placed(value):
                found += [place, Place(place.path, (place.glob or escaped(place.path)).rstrip("/") + "/**")]
        for place in found:
            if place.unsure:
                self.doubt(place.unsure)
        return found

    def placed(self, value: Value) -> list[Place]:
        """The files a word may name, one for each directory the shell may be in."""
        if value.home or value.text.startswith("/") or value.glob.startswith("/"):
            return [placed(value, "/")]
        if self.state.places is None:
            self.doubt("a relative path in a directory that is not known")
            return [placed(value, "~")]
        return [placed(value, start) for start in self.starts()]

    def _programs(self) -> set[str]:
        if not self.argv:
            return set()
        text = self.argv[0].text
        return {self.name, *(place.path for place in self.placed(self.argv[0]))} if "/" in text else {text}

    def _commands(self) -> set[str]:
        """As a line of words, by the program's name; by its path too where that is not where programs are kept."""
        heads = {head for head in self._programs() if head.rpartition("/")[0] not in HOMES or "/" not in head}
        rest = [value.text for value in self.argv[1:]]
        return {" ".join([head, *rest]) for head in heads}

    def _command_globs(self) -> set[str]:
        if not any(value.glob for value in self.argv):
            return set()
        words = [_OPEN.sub(_wider, value.glob) if value.glob else escaped(value.text) for value in self.argv[1:]]
        return {" ".join([escaped(self.name), *words])}


def _wider(match: re.Match[str]) -> str:
    """One glob may become several words."""
    return match[0] if match[0].startswith("\\") else "**"


def shown(text: str) -> str:
    """Text with one character a byte as the UTF-8 it is meant to be; what is not UTF-8 stays as surrogates."""
    return text.encode("latin-1", "replace").decode("utf-8", "surrogateescape")
