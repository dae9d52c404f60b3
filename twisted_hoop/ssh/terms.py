"""What the relay of a channel is told of its session: the terms it works under. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted_hoop.masking.masker import MaskSet
from twisted_hoop.shell.reading import Reading


@dataclass(frozen=True, slots=True)
class Terms:
    """See the module. `number` counts the session's commands, `read` says what a command line does, `env` which
    variables reach the target (S18); `effective` are the names of the masks that apply now, besides a decision's own.
    """

    session: str
    number: Callable[[], int]
    read: Callable[[bytes], Reading]
    env: Callable[[str], bool]
    masks: MaskSet
    effective: Callable[[], frozenset[str]]
    exec_only: bool = False
