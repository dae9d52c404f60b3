"""Answers that leave in the order of the questions (RFC 4254, sections 4 and 5.4), whenever they are known. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted_hoop.ssh.fields import MalformedMessage


class Answers:
    """The replies one side owes. `send(number, payload)` is called for each, in order."""

    __slots__ = ("_limit", "_send", "_slots")

    def __init__(self, send: Callable[[int, bytes], None], limit: int) -> None:
        self._send = send
        self._limit = limit
        self._slots: deque[Slot] = deque()

    def owe(self) -> Slot:
        """A reply is owed from now on. MalformedMessage when too many are: the other side asks and asks (S9)."""
        if len(self._slots) >= self._limit:
            raise MalformedMessage("too many requests wait for their reply")
        slot = Slot(self)
        self._slots.append(slot)
        return slot

    def oldest(self) -> Slot | None:
        """The oldest that nobody has settled."""
        return next((slot for slot in self._slots if slot.message is None), None)

    def settled(self) -> None:
        """Send what has nothing unsettled before it."""
        slots = self._slots
        while slots and slots[0].message is not None:
            self._send(*slots.popleft().message)  # type: ignore[misc]


class Slot:
    """One reply that is owed."""

    __slots__ = ("_answers", "message")

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.message: tuple[int, bytes] | None = None

    def settle(self, number: int, payload: bytes) -> None:
        """This is the reply; the first one counts."""
        if self.message is None:
            self.message = (number, payload)
            self._answers.settled()
