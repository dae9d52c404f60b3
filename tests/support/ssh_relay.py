"""Playbooks for relays of SSH channels: events in, events out.

play = Play(relay_of())
play.client(Open(b"session"), exec_("ls"))
play.to_target                       # every event the target got so far
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Sequence
from typing import Any

from twisted_hoop.masking.masker import MaskSet
from twisted_hoop.model import Command, Decision, Entry, Facts
from twisted_hoop.settings import MaskSection
from twisted_hoop.shell.reading import Reading, Transfer
from twisted_hoop.ssh.events import Event, Open, Request
from twisted_hoop.ssh.relay import ChannelRelay
from twisted_hoop.ssh.terms import Terms
from twisted_hoop.steps import Record, ToClient, ToTarget
from twisted_hoop.testing.script import Heard, Script

EXEC: Facts = {"class": frozenset({"exec"}), "program": frozenset({"ls"})}
SESSION = Open(b"session")


def ns(data: bytes) -> bytes:
    """An SSH string."""
    return struct.pack(">I", len(data)) + data


def exec_(text: bytes | str, want_reply: bool = True) -> Request:
    """An exec request."""
    return Request(b"exec", ns(text.encode() if isinstance(text, str) else text), want_reply)


def shell_() -> Request:
    """A shell request."""
    return Request(b"shell", b"", True)


def subsystem_(name: bytes = b"sftp") -> Request:
    """A subsystem request."""
    return Request(b"subsystem", ns(name), True)


def env_(name: bytes, value: bytes, want_reply: bool = False) -> Request:
    """An env request."""
    return Request(b"env", ns(name) + ns(value), want_reply)


def pty_(columns: int = 80, rows: int = 24, term: bytes = b"xterm", modes: bytes = b"\0") -> Request:
    """A pty-req."""
    return Request(b"pty-req", ns(term) + struct.pack(">4I", columns, rows, 640, 480) + ns(modes), True)


def resize_(columns: int, rows: int) -> Request:
    """A window-change."""
    return Request(b"window-change", struct.pack(">4I", columns, rows, 0, 0))


def signal_(name: bytes) -> Request:
    """A signal."""
    return Request(b"signal", ns(name))


def status_(code: int) -> Request:
    """An exit-status."""
    return Request(b"exit-status", struct.pack(">I", code))


def read_as(facts: Facts = EXEC, transfer: Transfer | None = None) -> Callable[[bytes], Reading]:
    """A reader that takes every command line for the same."""
    return lambda text: Reading(text, (facts,), transfer)


def terms_of(
    masks: Sequence[MaskSection] = (), read: Callable[[bytes], Reading] | None = None, exec_only: bool = False
) -> Terms:
    """Terms under which LANG and TERM_* reach the target, and all of the masks hold."""
    names = frozenset(mask.name for mask in masks)
    return Terms(
        "session-1",
        itertools.count(1).__next__,
        read or read_as(),
        lambda name: name == "LANG" or name.startswith("TERM_"),
        MaskSet(masks, b"k" * 32),
        lambda: names,
        exec_only,
    )


def relay_of(
    masks: Sequence[MaskSection] = (), read: Callable[[bytes], Reading] | None = None, exec_only: bool = False
) -> ChannelRelay:
    """The relay of channel 7 under such terms."""
    return ChannelRelay(7, terms_of(masks, read, exec_only))


class Play(Script):
    """A Script whose two sides speak in events."""

    def client(self, *messages: Any) -> Heard:
        """The client sends these, one after another."""
        return Heard(tuple(s for m in messages for s in self._carried(self.relay.client_received(m)).steps))

    def target(self, *messages: Any) -> Heard:
        """The target sends these, one after another."""
        return Heard(tuple(s for m in messages for s in self._carried(self.relay.target_received(m)).steps))

    def flush(self) -> Heard:
        """A moment has passed."""
        relay: Any = self.relay
        return self._carried(relay.flush())

    @property
    def to_client(self) -> list[Event]:
        """Everything the client got."""
        return client_events(Heard(tuple(self.steps)))

    @property
    def to_target(self) -> list[Event]:
        """Everything the target got."""
        return target_events(Heard(tuple(self.steps)))

    @property
    def entries(self) -> list[Entry]:
        """Everything that was recorded."""
        return [step.entry for step in self.steps if isinstance(step, Record)]

    def kinds(self) -> list[str]:
        """Kinds of the entries."""
        return [entry.kind for entry in self.entries]


def client_events(heard: Heard) -> list[Event]:
    """What the client gets."""
    return [step.data for step in heard.steps if isinstance(step, ToClient)]


def target_events(heard: Heard) -> list[Event]:
    """What the target gets."""
    return [step.data for step in heard.steps if isinstance(step, ToTarget)]


def by_action(**decisions: Decision) -> Callable[[Any, Command], Decision]:
    """A policy that decides by the action, and else as `other`."""
    return lambda session, command: decisions.get(command.action, decisions.get("other"))  # type: ignore[return-value]
