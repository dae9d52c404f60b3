"""What words expand to, and what is known of a shell while it runs: variables, functions, where it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from twisted_hoop.shell.tree import Function

T = TypeVar("T")

HOME = "~"
LONGEST_VALUE = 64 << 10
"""Characters of one word; a longer one is not put together."""
MOST_PLACES = 8
"""Directories a shell may be in at one point; with more, it may be anywhere."""


class TooLong(Exception):
    """More happens, or comes together, than is looked at."""


@dataclass(frozen=True, slots=True)
class Value:
    """One word after expansion.

    `text` is what it is, or as near as can be told. `glob` is set when files decide: `text` with `**`, `*` and `?` for
    what is open and backslashes before what is meant literally. `home`: `text` begins with a `~` that is the home
    directory. `unsure` says why it cannot be resolved. `digits`: a number whose value is open. `dialect`: not every
    shell expands it so. `stream`: the name of a process substitution.
    """

    text: str
    glob: str = ""
    home: bool = False
    unsure: str = ""
    digits: bool = False
    dialect: bool = False
    stream: bool = False

    @property
    def literal(self) -> bool:
        """Whether it is known to the last byte in every shell."""
        return not (self.glob or self.home or self.unsure or self.dialect or self.stream)


def unknown(text: str, why: str) -> Value:
    """A word that cannot be resolved."""
    return Value(text, unsure=why)


NUMBER = Value("0", glob="*", digits=True)
"""Some number."""
ANYTHING = unknown("$", "a variable that may have any value")


def is_number(value: Value) -> bool:
    """Whether it is digits, known or not."""
    return value.digits or (value.literal and value.text.isdigit() and value.text.isascii())


@dataclass(slots=True)
class State:
    """What is known of a running shell; a name that is missing in `variables` comes from the environment.

    `places` are the directories it may be in, None for any. `positional` is None when unknown. `homely`: `~` is the
    home directory of who logged in. `dead`: nothing runs from here on. `wild`: variables may have been set unseen.
    """

    variables: dict[str, Value] = field(default_factory=dict)
    functions: dict[str, Function | None] = field(default_factory=dict)
    places: frozenset[str] | None = frozenset({HOME})
    positional: tuple[Value, ...] | None = ()
    homely: bool = True
    dead: bool = False
    wild: bool = False

    def copy(self) -> State:
        """Another shell that starts from here."""
        return replace(self, variables=dict(self.variables), functions=dict(self.functions))

    def become(self, other: State) -> None:
        """Take on another's knowledge."""
        self.variables, self.functions = other.variables, other.functions
        self.places, self.positional, self.homely = other.places, other.positional, other.homely
        self.dead, self.wild = other.dead, other.wild

    def forget(self) -> None:
        """Anything may have happened."""
        self.variables = dict.fromkeys(self.variables, ANYTHING)
        self.functions = dict.fromkeys(self.functions)
        self.places, self.positional, self.wild = None, None, True

    def fresh(self, positional: tuple[Value, ...] = ()) -> State:
        """The state of a new shell that this one starts: variables may be exported or not."""
        return State(dict.fromkeys(self.variables, ANYTHING), {}, self.places, positional, self.homely, wild=self.wild)


def merged(one: State, other: State) -> State:
    """What is known when either may be the case."""
    if one.dead or other.dead:
        return (other if one.dead else one).copy()
    if one is other or one == other:
        return one.copy()
    places = None if one.places is None or other.places is None else one.places | other.places
    return State(
        _either(one.variables, other.variables, _value_of_two),
        _either(one.functions, other.functions, lambda a, b: a if a == b else None),
        places if places is None or len(places) <= MOST_PLACES else None,
        one.positional if one.positional == other.positional else None,
        one.homely and other.homely,
        wild=one.wild or other.wild,
    )


def _value_of_two(one: Value | None, other: Value | None) -> Value:
    if one is not None and one == other:
        return one
    return NUMBER if one and other and is_number(one) and is_number(other) else ANYTHING


def _either(one: dict[str, T], other: dict[str, T], join: Callable[[T | None, T | None], T]) -> dict[str, T]:
    return {name: join(one.get(name), other.get(name)) for name in {**one, **other}}
