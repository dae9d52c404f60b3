"""Simple commands: redirects, assignments, the program, and what that runs in turn. Every one leaves its facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from twisted_hoop.model import Facts
from twisted_hoop.shell.braces import has_braces
from twisted_hoop.shell.conditions import evaluated
from twisted_hoop.shell.doing import Context, Doing, Opened
from twisted_hoop.shell.handling import INHERITED, Handler
from twisted_hoop.shell.lexing import TooDeep, Unclear
from twisted_hoop.shell.names import is_special, is_volatile
from twisted_hoop.shell.options import Unreadable
from twisted_hoop.shell.programs import describe
from twisted_hoop.shell.tree import Assignment, Redirect, Script, Simple, Statement
from twisted_hoop.shell.values import ANYTHING, State, TooLong, Value, merged
from twisted_hoop.shell.walk import Around, Ends, Walk

_DEEPEST = 10
_MOST = 256 << 10
_SINKS = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"})


class Parses(Protocol):
    """Texts → trees."""

    def parse(self, text: str) -> Script:
        """The tree of a text. Raises Unclear."""


class Runner:
    """Judges one command line. `found` are the facts of its commands in order; `why` the first thing not understood."""

    def __init__(self, grammar: Parses, handlers: Mapping[str, Handler]) -> None:
        self._grammar = grammar
        self._handlers = handlers
        self._depth = self._size = 0
        self.walk = Walk(self)
        self.found: list[Facts] = []
        self.assignments: list[tuple[str, str]] = []
        self.why = ""

    def facts(self) -> tuple[Facts, ...]:
        """Everything found, each once."""
        unique = {frozenset(facts.items()): facts for facts in self.found}
        return tuple(unique.values())

    # Simple commands

    def simple(self, command: Simple, state: State, around: Around) -> Ends:
        """Judge one; one with `&>` may run in a shell of its own."""
        if not any(redirect.both for redirect in command.redirects):
            return self._simple(command, state, around)
        after = merged(state, merged(*self._simple(command, state.copy(), around)))
        return after, after

    def _simple(self, command: Simple, state: State, around: Around) -> Ends:
        opened = self._open(command.redirects, state)
        prefix = [(item, self._assigned(item, state)) for item in command.assignments]
        self.assignments += [(item.name, value.text) for item, value in prefix]
        argv = [value for word in command.words for value in self.walk.expander.words(word, state)]
        bare = self._unbraced(command, state)
        piped = around.piped or opened.text is not None or bool(opened.reads)
        context = Context(state, piped, around.flags, opened)
        if not argv:
            return self._assign(prefix, context, empty=bool(command.words))
        special = next((item.name for item, _ in prefix if is_special(item.name)), "")
        for item, _ in prefix:  # of a function or a builtin they may stay
            if item.name in state.variables or argv[0].text in state.functions or argv[0].text == "eval":
                state.variables[item.name] = ANYTHING
        context = replace(context, doubt=f"the variable {special} is set" if special else "")
        if not bare:
            return self.run(argv, context)
        apart = replace(context, state=state.copy())
        return self._either(self.run(bare, apart), self.run(argv, context))

    def _unbraced(self, command: Simple, state: State) -> list[Value]:
        """The command's words as a shell without brace expansion reads them; nothing when there are no braces."""
        if not any(has_braces(word.parts) for word in command.words):
            return []
        return [value for word in command.words for value in self.walk.expander.unbraced(word, state.copy())]

    def _either(self, one: Ends, other: Ends) -> Ends:
        return merged(one[0], other[0]), merged(one[1], other[1])

    def _assigned(self, item: Assignment, state: State) -> Value:
        if item.array is not None:
            for word in item.array:
                self.walk.expander.words(word, state)
            return Value("(...)", unsure="an array")
        value = self.walk.expander.one(item.value, state)
        # dash knows no +=; what a volatile variable is set to it need not be.
        return ANYTHING if item.append or is_volatile(item.name) else value

    def _assign(self, prefix: list[tuple[Assignment, Value]], context: Context, empty: bool) -> Ends:
        """Assignments without a command, or redirects alone."""
        doing = Doing([], context)
        for item, value in prefix:
            context.state.variables[item.name] = value
            if is_special(item.name):
                doing.doubt(f"the variable {item.name} is set")
        if empty:
            doing.doubt("a command that comes of nothing")
        if context.opened != Opened() or "dynamic" in doing.classes:
            self._note(doing)
        return context.state, context.state

    def run(self, argv: list[Value], context: Context) -> Ends:
        """Judge a command whose words are known, and what it runs in turn."""
        if context.depth > _DEEPEST:
            raise TooDeep("commands within commands, too deeply")
        self._size += sum(len(value.text) for value in argv)
        if self._size > _MOST:
            raise TooLong("more words than are looked at")
        doing = Doing(argv, context)
        name = argv[0].text
        if context.functions and name in context.state.functions:
            function = context.state.functions[name]
            if function is not None and argv[0].literal:
                return self._call(doing)
            doing.doubt("a name that may be a function")
        return self._judged(doing)

    def _call(self, doing: Doing) -> Ends:
        context = doing.context
        function = context.state.functions[doing.argv[0].text]
        assert function is not None
        if context.opened != Opened() or context.doubt:
            self._note(Doing([], context))
        return self.walk.call(function, context.state, tuple(doing.argv[1:]))

    def _judged(self, doing: Doing) -> Ends:
        state, place = doing.state, len(self.found)
        self.found.append({})
        ends: Ends | None = None
        doing.flags |= doing.context.flags
        handler = self._handlers.get(doing.name) or self._handlers.get(doing.family)
        try:
            ends = handler(self, doing) if handler else None
        except Unreadable as what:
            doing.doubt(str(what))
        except TooDeep:
            raise
        except Unclear as what:
            doing.classes.add("unknown")
            doing.why = doing.why or str(what)
        self.found[place] = self._described(doing)
        return ends or (state, state)

    def _note(self, doing: Doing) -> None:
        self.found.append(self._described(doing))

    def _described(self, doing: Doing) -> Facts:
        opened = doing.context.opened
        if opened.why or doing.context.doubt:
            doing.doubt(opened.why or doing.context.doubt)
        doing.access |= ({"read"} if opened.reads else set()) | ({"write"} if opened.writes else set())
        doing.flags |= {"redirect-write"} if opened.writes else set()
        describe(doing)
        facts = doing.facts()
        self.why = self.why or doing.why
        return facts

    # What commands run in turn

    def inner(self, doing: Doing, argv: Sequence[Value], state: State | None = None) -> None:
        """Judge a command that another one runs."""
        if argv:
            self.run(list(argv), self._inside(doing, (state or doing.state).copy(), functions=False))

    def same(self, doing: Doing, argv: Sequence[Value], functions: bool = False) -> Ends | None:
        """Judge a command that the shell itself runs in this one's place."""
        return self.run(list(argv), self._inside(doing, doing.state, functions)) if argv else None

    def _inside(self, doing: Doing, state: State, functions: bool) -> Context:
        context = doing.context
        flags = context.flags | (doing.flags & INHERITED)
        opened = Opened(text=context.opened.text)
        return Context(state, context.piped, flags, opened, functions, context.depth + 1)

    def code(self, doing: Doing, text: Value, state: State) -> None:
        """Judge a command line for a new shell."""
        script = self._parsed(doing, text)
        if script is None:
            return
        flags = doing.context.flags | (doing.flags & INHERITED)
        self._deeper()
        self.walk.apart(script, state, Around(doing.context.piped, flags))
        self._depth -= 1

    def here(self, doing: Doing, text: Value) -> Ends | None:
        """Judge a command line for the same shell."""
        script = self._parsed(doing, text)
        if script is None:
            doing.state.forget()
            return None
        self._deeper()
        ends = self.walk.script(script, doing.state)
        self._depth -= 1
        return ends

    def _parsed(self, doing: Doing, text: Value) -> Script | None:
        if not text.literal:
            doing.doubt(text.unsure or "code that is not known to the last byte")
            return None
        return self._grammar.parse(text.text)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise TooDeep("shells within shells, too deeply")

    # Redirects and the rest

    def opened(self, redirects: tuple[Redirect, ...], state: State, around: Around) -> None:
        """Redirects of a compound command: the shell opens the files."""
        opened = self._open(redirects, state)
        if opened.reads or opened.writes or opened.why:
            self._note(Doing([], Context(state, around.piped, around.flags, opened)))

    def _open(self, redirects: tuple[Redirect, ...], state: State) -> Opened:
        opened = Opened()
        for redirect in redirects:
            opened = self._open_one(opened, redirect, state)
        return opened

    def _open_one(self, opened: Opened, redirect: Redirect, state: State) -> Opened:
        operator = redirect.operator
        if redirect.here is not None or operator == "<<<":
            word = redirect.target if redirect.here is None else redirect.here.body
            return replace(opened, text=self.walk.expander.one(word, state))
        values = self.walk.expander.words(redirect.target, state)
        if len(values) != 1:
            return replace(opened, why="a redirect to several files")
        value = values[0]
        if value.text in _SINKS or (operator.endswith("&") and _is_descriptor(value)):
            return opened
        why = opened.why or value.unsure or ("a file descriptor that is not known" if operator == "<&" else "")
        reads = (*opened.reads, value) if operator in ("<", "<>") else opened.reads
        writes = (*opened.writes, value) if operator != "<" else opened.writes
        return replace(opened, reads=reads, writes=writes, why=why)

    def tested(self, words: list[Value], state: State, around: Around) -> None:
        """`[[` and `((`: they run nothing of themselves, unless a word in them is evaluated as arithmetic."""
        if why := evaluated(words):
            self.doubted(why, state, around)

    def doubted(self, why: str, state: State, around: Around) -> None:
        """Something may run while words are expanded or tested."""
        doing = Doing([], Context(state, around.piped, around.flags))
        doing.doubt(why)
        self._note(doing)

    def printed(self, script: Script, state: State) -> Value | None:
        """What `echo` prints of literal words, where every shell prints the same."""
        command = _only(script)
        if command is None or command.assignments or command.redirects or not command.words:
            return None
        name, *rest = (self.walk.expander.words(word, state.copy()) for word in command.words)
        if len(name) != 1 or name[0] != Value("echo") or "echo" in state.functions:
            return None
        values = [value for words in rest for value in words]
        plain = all(value.literal and "\\" not in value.text for value in values)
        text = " ".join(value.text for value in values).rstrip("\n")
        return Value(text) if plain and not text.startswith("-") else None


def _only(script: Script) -> Simple | None:
    """The one simple command a script consists of."""
    if len(script) != 1:
        return None
    statement: Statement = script[0]
    if statement.background or len(statement.chain) != 1 or len(statement.chain[0][1].commands) != 1:
        return None
    command = statement.chain[0][1].commands[0]
    return command if isinstance(command, Simple) else None


def _is_descriptor(value: Value) -> bool:
    return value.literal and (value.text.rstrip("-").isdigit() or value.text == "-")
