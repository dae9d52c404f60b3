"""Terminals of a session as asciicast, for auditors, to be played back. The reading is recorded (R2)."""

from __future__ import annotations

from typing import Any

from twisted.internet.threads import deferToThreadPool

from twisted_hoop.errors import RecordingDamaged
from twisted_hoop.model import Peer, Principal
from twisted_hoop.recording.asciicast import asciicast, first_terminal
from twisted_hoop.web.archive import Archive
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.problems import Problem

LONGEST = 64 * 1024 * 1024
"""Characters of a recording, about, that are held in memory to make a cast; a longer one is exported instead."""


class Casts:
    """See the module."""

    def __init__(self, parts: Parts, archive: Archive, reactor: Any) -> None:
        self._parts = parts
        self._archive = archive
        self._reactor = reactor

    async def cast(self, principal: Principal, peer: Peer, request_id: str, ident: str, channel: int = -1) -> bytes:
        """An asciicast v3 file of one channel; -1: the first with a terminal. 404 when there is nothing to play."""
        self._archive.check_reader(principal)
        made = await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self._made, ident, channel)
        await self._archive.read_by(principal, peer, request_id, ident, "cast")
        return made

    def _made(self, ident: str, channel: int) -> bytes:
        """Blocks."""
        entries = self._held(ident)
        chosen = first_terminal(entries) if channel < 0 else _played(entries, channel)
        if chosen is None:
            raise Problem(404, "this session has no terminal to play back")
        return ("\n".join(asciicast(entries, chosen)) + "\n").encode("utf-8", "replace")

    def _held(self, ident: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = []
        size = 0
        try:
            for entry in self._parts.recordings.read(ident):
                entries.append(entry)
                size += len(str(entry))
                if size > LONGEST:
                    raise Problem(413, "this recording is too long to be played here; export it")
        except RecordingDamaged:
            pass  # it is played as far as it can be trusted; the timeline tells where that ends
        return entries


def _played(entries: list[dict[str, Any]], channel: int) -> int | None:
    """The channel, if it has any output."""
    outputs = (entry.get("channel") for entry in entries if entry.get("kind") == "output")
    return channel if channel in outputs else None
