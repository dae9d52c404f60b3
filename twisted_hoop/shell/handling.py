"""What handlers of programs may ask of the runner: judge the command inside, or the code inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from twisted_hoop.shell.doing import Doing
from twisted_hoop.shell.values import State, Value
from twisted_hoop.shell.walk import Ends, Walk

INHERITED = frozenset({"privileged", "background", "pipe-to-shell"})
"""Flags that hold for a command inside another as well."""


class Runs(Protocol):
    """The runner, as handlers see it."""

    walk: Walk

    def inner(self, doing: Doing, argv: Sequence[Value], state: State | None = None) -> None:
        """Judge a command that this one runs, in `state` if that is another one."""

    def same(self, doing: Doing, argv: Sequence[Value], functions: bool = False) -> Ends | None:
        """Judge a command that the shell itself runs in this one's place."""

    def code(self, doing: Doing, text: Value, state: State) -> None:
        """Judge a command line that this command gives to a new shell, which starts as `state`."""

    def here(self, doing: Doing, text: Value) -> Ends | None:
        """Judge a command line that runs in the same shell; None when it is not known."""


Handler = Callable[[Runs, Doing], Ends | None]
"""Finds out what a command does; says how it ends where that matters. May raise Unreadable."""


def joined(values: Sequence[Value]) -> Value:
    """Words joined by single spaces, as programs do that pass them to a shell."""
    text = " ".join(value.text for value in values)
    for value in values:
        if not value.literal:
            return Value(text, unsure=value.unsure or "code that is not known to the last byte", dialect=True)
    return Value(text)
