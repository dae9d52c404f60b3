"""A command line's text → what it does (C1, C2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from twisted_hoop.model import Facts
from twisted_hoop.shell.builtins import BUILTINS
from twisted_hoop.shell.containers import CONTAINERS
from twisted_hoop.shell.doing import HOMES, Context, Doing, shown
from twisted_hoop.shell.editing import EDITORS
from twisted_hoop.shell.grammar import Parser
from twisted_hoop.shell.interpreters import INTERPRETERS
from twisted_hoop.shell.lexing import TooDeep, Unclear
from twisted_hoop.shell.options import words
from twisted_hoop.shell.reading import Reading, Transfer
from twisted_hoop.shell.risks import RISKS
from twisted_hoop.shell.running import Runner
from twisted_hoop.shell.second_reading import SecondReading
from twisted_hoop.shell.shells import SHELLS
from twisted_hoop.shell.transfers import JUDGED_TRANSFERS, TRANSFERS, transfer_of
from twisted_hoop.shell.tree import Script, Simple, Word
from twisted_hoop.shell.values import State, TooLong, Value
from twisted_hoop.shell.wrappers import WRAPPERS

LONGEST = 64 << 10
"""Bytes; a longer command line is not read at all."""

HANDLERS = {**RISKS, **INTERPRETERS, **EDITORS, **TRANSFERS, **BUILTINS, **WRAPPERS, **CONTAINERS, **SHELLS}
"""Program → who finds out what it does; a program that is not here does what its words say."""

FAULT = "the gateway failed to read it"
"""What `why` begins with when reading met a mistake of ours."""

_SHOWN = 500
_SILENT = words("sudo doas env nice ionice timeout nohup exec command setsid stdbuf")
"""Wrappers that print nothing while what they run does well."""
_ASKS = re.compile(r"-[A-Za-z]*S[A-Za-z]*|--st[a-z]*")
"""`sudo -S` takes a first line of what a transfer is sent, and its judge would not know."""
_KEPT = frozenset((*HOMES, "/usr/lib/git-core", "/usr/libexec/git-core"))


@dataclass(slots=True)
class Understanding:
    """Reads one text after the other; not to be shared between threads."""

    _second: SecondReading = field(default_factory=SecondReading)

    def parse(self, text: str) -> Script:
        """The tree of a text (one character a byte). Raises Unclear."""
        parser = Parser(text)
        script = parser.parse()
        if objection := self._second.objection(text.encode("latin-1", "replace"), parser.seen):
            raise Unclear(objection)
        return script

    def understand(self, text: bytes) -> Reading:
        """What the command line does. Never raises."""
        if len(text) > LONGEST:
            return _problem(text, "oversize", f"longer than {LONGEST} bytes")
        try:
            return self._read(text)
        except (TooDeep, TooLong, RecursionError) as what:
            return _problem(text, "oversize", str(what)[:_SHOWN])
        except Unclear as what:
            return _problem(text, "unknown", str(what)[:_SHOWN])
        except Exception as fault:  # noqa: BLE001 - a mistake of ours refuses this command and ends no session
            return _problem(text, "unknown", f"{FAULT}: {type(fault).__name__}")

    def _read(self, text: bytes) -> Reading:
        script = self.parse(text.decode("latin-1"))
        if not script:
            return _problem(text, "unknown", "there is no command")
        runner = Runner(self, HANDLERS)
        runner.walk.script(script, State())
        runner.walk.uncalled()
        facts = runner.facts() or (Doing([], Context(State())).facts(),)
        assignments = tuple((shown(name), shown(value)) for name, value in runner.assignments)
        return Reading(text, facts, _transfer(script, facts), assignments, runner.why)


def _problem(text: bytes, name: str, why: str) -> Reading:
    facts: Facts = {"class": frozenset(("exec", name))}
    return Reading(text, (facts,), why=why)


def _transfer(script: Script, facts: tuple[Facts, ...]) -> Transfer | None:
    """The transfer that the whole line is: one simple command, perhaps behind wrappers, and nothing doubtful.

    What such a line prints is taken for bytes of files. So nothing that prints of itself may stand in it, nor a program
    of somebody's own that is only called like one (M3, R8); what sftp and scp say is read, whoever they are.
    """
    transfers = [one for one in facts if "transfer" in one["class"]]
    if len(transfers) != 1 or any({"dynamic", "unknown", "oversize"} & one["class"] for one in facts):
        return None
    (there,) = transfers
    if not all(_is_kept(one, _SILENT) for one in facts if one is not there):
        return None
    if not (JUDGED_TRANSFERS & there.get("program", set()) or _is_kept(there)):
        return None
    command = script[0].chain[0][1].commands[0]
    single = len(script) == 1 and len(script[0].chain) == 1 and len(script[0].chain[0][1].commands) == 1
    if not single or not isinstance(command, Simple) or command.redirects:
        return None
    argv = [_plain(word) for word in command.words]
    for start in range(len(argv)):
        name = argv[start].text.rpartition("/")[2]
        if found := transfer_of(name, argv[start:]):
            return Transfer(found.program, found.direction, tuple(sorted(there.get("path", ()))))
    return None


def _is_kept(facts: Facts, names: frozenset[str] | None = None) -> bool:
    """Whether its program, one of `names`, lies where programs are kept, as far as its words say."""
    if any(map(_ASKS.fullmatch, facts.get("argument", ()))) and names is not None:
        return False
    programs = [program.rpartition("/") for program in facts.get("program", ())]
    known = all(names is None or name in names for _, _, name in programs)
    return bool(programs) and known and all(head in _KEPT or not slash for head, slash, _ in programs)


def _plain(word: Word) -> Value:
    return Value("".join(getattr(part, "text", "") for part in word.parts))
