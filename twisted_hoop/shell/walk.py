"""Running a command line in the mind: every branch is taken, every command that may run is judged.

What a variable or the directory is after a branch that may not have been taken is known only when both ways agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from twisted_hoop.shell.expansion import Expander
from twisted_hoop.shell.names import is_special, is_volatile
from twisted_hoop.shell.tree import (
    Case,
    Command,
    Condition,
    For,
    Function,
    Group,
    If,
    Loop,
    Pipeline,
    Redirect,
    Redirected,
    Script,
    Simple,
    Statement,
)
from twisted_hoop.shell.values import ANYTHING, State, TooLong, Value, merged

MOST_STEPS = 1500
"""Simple commands looked at, loops counted as often as they are gone through; more is not read."""
_MOST_ROUNDS = 5
_MOST_VALUES = 16
_DEEPEST_CALL = 6

Ends = tuple[State, State]
"""What is known when a command succeeded, and when it failed."""


@dataclass(slots=True)
class Around:
    """What surrounds a command: whether it reads a pipe, flags of what it stands in, redirects of its groups."""

    piped: bool = False
    flags: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Frame:
    """A loop or a call: `left` are the states in which it was left early, `hidden` what its local variables hide."""

    call: bool
    left: list[State] = field(default_factory=list)
    hidden: dict[str, Value | None] = field(default_factory=dict)


class Judge(Protocol):
    """Who is shown what would run."""

    def simple(self, command: Simple, state: State, around: Around) -> Ends:
        """A simple command; says how it ends."""

    def opened(self, redirects: tuple[Redirect, ...], state: State, around: Around) -> None:
        """Redirects of a compound command."""

    def tested(self, words: list[Value], state: State, around: Around) -> None:
        """The words of `[[` and what arithmetic in `((` came to."""

    def doubted(self, why: str, state: State, around: Around) -> None:
        """Something may run while words are expanded."""

    def printed(self, script: Script, state: State) -> Value | None:
        """What a script prints, without newlines at its end, when that is certain."""


class Walk:
    """One way through a script, judged as it goes."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.expander = Expander(self._printed, lambda why, state: judge.doubted(why, state, self.around))
        self.around = Around()
        self._frames: list[_Frame] = []
        self._steps = 0
        self._called: set[str] = set()
        self._defined: list[Function] = []

    # Lists

    def script(self, script: Script, state: State) -> Ends:
        """Every statement in turn."""
        ends = (state, state)
        for statement in script:
            ends = self._statement(statement, merged(*ends))
        return ends

    def inner(self, script: Script, state: State) -> State:
        """A script in a shell of its own: what it leaves behind."""
        return merged(*self.script(script, state.copy()))

    def _printed(self, script: Script, state: State) -> Value | None:
        printed = self._judge.printed(script, state)
        self.apart(script, state, Around(flags=self.around.flags))
        return printed

    def apart(self, script: Script, state: State, around: Around) -> None:
        """A script in a shell of its own: loops and calls around it are none of its business."""
        frames, self._frames = self._frames, []
        self._within(around, lambda: self.inner(script, state))
        self._frames = frames

    def _statement(self, statement: Statement, state: State) -> Ends:
        if not statement.background:
            return self._chain(statement, state)
        with_flag = Around(self.around.piped, self.around.flags | {"background"})
        self._within(with_flag, lambda: self._chain(statement, state.copy()))
        return state, state

    def _within(self, around: Around, what: Callable[[], object]) -> None:
        before, self.around = self.around, around
        try:
            what()
        finally:
            self.around = before

    def _chain(self, statement: Statement, state: State) -> Ends:
        succeeded, failed = self._pipeline(statement.chain[0][1], state)
        for operator, pipeline in statement.chain[1:]:
            good, bad = self._pipeline(pipeline, (succeeded if operator == "&&" else failed).copy())
            if operator == "&&":
                succeeded, failed = good, merged(failed, bad)
            else:
                succeeded, failed = merged(succeeded, good), bad
        return succeeded, failed

    def _pipeline(self, pipeline: Pipeline, state: State) -> Ends:
        if len(pipeline.commands) == 1:
            return self.command(pipeline.commands[0], state)
        last = state
        for number, command in enumerate(pipeline.commands):
            around = Around(self.around.piped or number > 0, self.around.flags)
            last = state.copy()
            ends = list[State]()
            self._within(around, lambda c=command, s=last, e=ends: e.extend(self.command(c, s)))  # type: ignore[misc]
            last = merged(*ends)
        after = merged(state, last)  # zsh and ksh run the last command themselves
        return after, after

    # Commands

    def command(self, command: Command, state: State) -> Ends:
        """One command of any kind."""
        if isinstance(command, Simple):
            self._step()
            return self._judge.simple(command, state, self.around)
        if isinstance(command, Redirected):
            return self._redirected(command, state)
        if isinstance(command, Group):
            return self._group(command, state)
        if isinstance(command, If):
            return self._if(command, state)
        if isinstance(command, For):
            return self._for(command, state)
        if isinstance(command, Loop):
            return self._rounds(state, lambda s: self._turn(command, s))
        return self._other(command, state)

    def _other(self, command: Case | Function | Condition, state: State) -> Ends:
        if isinstance(command, Case):
            return self._case(command, state)
        if isinstance(command, Function):
            state.functions[command.name] = command
            self._defined.append(command)
            return state, state
        self._step()
        words = [value for word in command.words for value in self.expander.words(word, state)]
        self._judge.tested(words, state, self.around)
        return state, state

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise TooLong("more commands than are looked at")

    def _redirected(self, command: Redirected, state: State) -> Ends:
        self._judge.opened(command.redirects, state, self.around)
        piped = self.around.piped or any(r.operator.startswith("<") for r in command.redirects)
        ends = list[State]()
        around = Around(piped, self.around.flags)
        apart = any(redirect.both for redirect in command.redirects)
        inner = state.copy() if apart else state
        self._within(around, lambda: ends.extend(self.command(command.command, inner)))
        return self._joined([state, *ends]) if apart else (ends[0], ends[1])

    def _group(self, command: Group, state: State) -> Ends:
        if not command.subshell:
            return self.script(command.script, state)
        self.apart(command.script, state, self.around)
        return state, state

    def _if(self, command: If, state: State) -> Ends:
        ends = list[State]()
        for condition, body in command.branches:
            succeeded, failed = self.script(condition, state)
            ends.append(merged(*self.script(body, succeeded.copy())))
            state = failed
        ends.append(merged(*self.script(command.otherwise, state)))
        return self._joined(ends)

    def _case(self, command: Case, state: State) -> Ends:
        self.expander.words(command.word, state)
        ends = [state]
        for patterns, body in command.arms:
            for pattern in patterns:
                self.expander.words(pattern, state)
            ends.append(merged(*self.script(body, merged(state, ends[-1]))))
        return self._joined(ends)

    def _joined(self, states: list[State]) -> Ends:
        whole = states[0]
        for state in states[1:]:
            whole = merged(whole, state)
        return whole, whole

    # Loops and calls

    def _turn(self, loop: Loop, state: State) -> State:
        condition = merged(*self.script(loop.condition, state))
        return merged(condition, merged(*self.script(loop.body, condition.copy())))

    def _for(self, command: For, state: State) -> Ends:
        if command.arithmetic is not None:
            self.expander.number(command.arithmetic, state)
            return self._rounds(state, lambda s: merged(*self.script(command.body, s)))
        values = self._loop_values(command, state)
        if values is None or len(values) > _MOST_VALUES:
            values = [ANYTHING]
        return self._rounds(state, lambda s: self._each(command, values, s))

    def _loop_values(self, command: For, state: State) -> list[Value] | None:
        if command.words is None:
            return None if state.positional is None else list(state.positional)
        return [value for word in command.words for value in self.expander.words(word, state)]

    def _each(self, command: For, values: list[Value], state: State) -> State:
        for value in values:
            turn = state.copy()
            if is_special(command.name):
                self._judge.doubted(f"the variable {command.name} is set", state, self.around)
            turn.variables[command.name] = ANYTHING if is_volatile(command.name) else value
            state = merged(state, merged(*self.script(command.body, turn)))
        return state

    def _rounds(self, state: State, turn: Callable[[State], State]) -> Ends:
        """Go round until nothing more is learnt; then give up knowing, and go round once more."""
        self._frames.append(_Frame(call=False))
        for _ in range(_MOST_ROUNDS):
            after = merged(state, turn(state.copy()))
            stable = after == state
            state = after
            if stable:
                break
        else:
            state.forget()
            turn(state.copy())
        left = self._frames.pop().left
        return self._joined([state, *left])

    def leave(self, state: State, call: bool) -> None:
        """break, continue or return: what is known then is known after the loop or the call."""
        frames = self._frames
        if call and not any(frame.call for frame in frames):
            return  # some shells say it is an error, and go on
        if not frames or (frames[-1].call and not call):
            state.forget()
            return
        for frame in reversed(frames):
            frame.left.append(state.copy())
            if frame.call == call:
                break
        state.dead = True

    def call(self, function: Function, state: State, arguments: tuple[Value, ...] | None) -> Ends:
        """A function that the command line defines; `arguments` is None when they are not known."""
        if sum(frame.call for frame in self._frames) >= _DEEPEST_CALL:
            raise TooLong("functions that call each other too deeply")
        self._called.add(function.name)
        before, state.positional = state.positional, arguments
        self._frames.append(_Frame(call=True))
        succeeded, failed = self.command(function.body, state)
        frame = self._frames.pop()
        after = self._joined([succeeded, failed, *frame.left])[0]
        after.positional = before
        for name, value in frame.hidden.items():
            after.variables[name] = ANYTHING if value is None else value
        return after, after

    def local(self, name: str, state: State) -> bool:
        """A variable becomes local to the call that is under way; False when there is none."""
        frame = next((frame for frame in reversed(self._frames) if frame.call), None)
        if frame is not None:
            frame.hidden.setdefault(name, state.variables.get(name))
        return frame is not None

    def uncalled(self) -> None:
        """Functions that nothing called are judged for any arguments: something may yet call them."""
        for function in self._defined:
            if function.name not in self._called:
                state = State()
                state.forget()
                self.call(function, state, None)
