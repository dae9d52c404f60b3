"""The sessions that live now: caps, cancel keys, and ending them. No I/O; no clock but the one passed in."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from twisted_hoop.errors import LimitExceeded
from twisted_hoop.model import Principal, Session, Target

OUTDATED = "hoop: the settings of this target or its masks have changed; connect again"


class Ending(Protocol):
    """What a live session lets others do with it."""

    def end(self, code: str, message: str) -> None:
        """End it, with the protocol's own goodbye."""

    def cancel(self) -> None:
        """Cancel what it runs, or withdraw what it waits for."""

    def activity(self) -> tuple[int, bool, bool]:
        """(commands so far, whether something runs or waits, whether a transaction is open)."""

    def outdated(self) -> bool:
        """Whether a reload changed the target or its masks since the session opened."""


@dataclass(slots=True)
class Live:
    """A session and the handle that ends it."""

    session: Session
    handle: Ending
    commands: int = 0


def new_session_id() -> str:
    """Random, url-safe, 22 characters, the first a letter or digit: nothing a command line takes for an option."""
    while not (found := secrets.token_urlsafe(16))[0].isalnum():
        pass
    return found


def key_digest(pid: int, key: bytes) -> str:
    """What replicas call a cancel key when they ask one another whose it is; the key itself is told to nobody."""
    return hashlib.sha256(b"hoop cancel %d\0" % pid + key).hexdigest()


Caps = Callable[[Principal], Iterable[tuple[str, int]]]
"""How many sessions each of those may have who act for a principal: (key, most), without those nobody limits."""


def parties(principal: Principal) -> tuple[str, ...]:
    """Keys of the principal and of everyone who acts for it: a session counts for each of them."""
    return (principal.key, *(f"{actor.issuer}|{actor.subject}" for actor in principal.chain))


class Sessions:
    """The registry. Caps are checked when a session opens, so that two at once cannot both be the last.

    `acting` tells the caps of who acts, as they are configured now: a principal's own come with it.
    """

    def __init__(self, acting: Caps = lambda principal: ()) -> None:
        self._acting = acting
        self._live: dict[str, Live] = {}
        self._keys: dict[int, tuple[bytes, str]] = {}
        self._digests: dict[str, str] = {}
        self.elsewhere: Mapping[tuple[tuple[str, ...], str], int] = {}
        """Sessions at other replicas by (`parties`, target), as the follower saw them last."""
        self.capped = False
        """Whether a cap was met so far: only then anybody need look at `elsewhere`."""

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Live]:
        return iter(list(self._live.values()))

    def find(self, session_id: str) -> Live | None:
        """The live session of that id."""
        return self._live.get(session_id)

    def check(self, principal: Principal, target: Target) -> None:
        """Raise LimitExceeded when one more session would be too many, with those at other replicas.

        What opened there within the last second or so is not known yet; what ended there still counts as long.
        """
        limits, key, name = target.limits, principal.key, target.name
        caps = [(key, principal.max_sessions)] if principal.max_sessions else []
        if principal.chain:
            caps += self._acting(principal)
        if not (caps or limits.sessions or limits.sessions_per_principal):
            return
        self.capped = True
        self._check_parties(principal, caps)
        there = self._count(lambda _, where: where == name)
        if limits.sessions and there >= limits.sessions:
            raise LimitExceeded(f"target {name} has {there} sessions, the most it may have")
        own = self._count(lambda who, where: (who[0], where) == (key, name))
        if limits.sessions_per_principal and own >= limits.sessions_per_principal:
            raise LimitExceeded(f"{principal.label} has {own} sessions on {name}, the most it may have")

    def _check_parties(self, principal: Principal, caps: Iterable[tuple[str, int]]) -> None:
        """I10: an agent is a principal too. What it does for others counts for it, and for each of them."""
        for key, most in caps:
            count = self._count(lambda who, _, key=key: key in who)  # type: ignore[misc]
            if count >= most:
                whose = principal.label if key == principal.key else key.partition("|")[2]
                raise LimitExceeded(f"{whose} has {count} sessions, the most it may have")

    def _count(self, meant: Callable[[tuple[str, ...], str], bool]) -> int:
        """Those here, and those elsewhere."""
        live = (each.session for each in self._live.values())
        here = sum(1 for session in live if meant(parties(session.principal), session.target.name))
        return here + sum(count for (who, where), count in self.elsewhere.items() if meant(who, where))

    def open(self, session: Session, handle: Ending) -> Live:
        """Register a session; its caps are checked again."""
        self.check(session.principal, session.target)
        live = Live(session, handle)
        self._live[session.id] = live
        return live

    def close(self, session_id: str) -> None:
        """Forget a session and its cancel key."""
        self._live.pop(session_id, None)
        for pid in [pid for pid, (_, owner) in self._keys.items() if owner == session_id]:
            del self._digests[key_digest(pid, self._keys.pop(pid)[0])]

    def issue_key(self, session_id: str, length: int) -> tuple[int, bytes]:
        """A process id and cancel key of our own for this session (P6)."""
        while True:
            pid = secrets.randbelow(2**31 - 1) + 1
            if pid not in self._keys:
                break
        key = secrets.token_bytes(length)
        self._keys[pid] = (key, session_id)
        self._digests[key_digest(pid, key)] = session_id
        return pid, key

    def cancel(self, pid: int, key: bytes) -> bool:
        """Cancel by a key we gave out; compared in constant time (P6)."""
        expected, session_id = self._keys.get(pid, (secrets.token_bytes(32), ""))
        if not hmac.compare_digest(expected, key):
            return False
        return self._cancel(session_id)

    def cancel_digest(self, digest: str) -> bool:
        """The same by `key_digest`, for a cancel request that came to another replica."""
        return self._cancel(self._digests.get(digest, ""))

    def _cancel(self, session_id: str) -> bool:
        live = self._live.get(session_id)
        if live is not None:
            live.handle.cancel()
        return live is not None

    def end_where(self, matches: Callable[[Session], bool], code: str, message: str) -> int:
        """End every session that matches; how many."""
        found = [live for live in self._live.values() if matches(live.session)]
        for live in found:
            live.handle.end(code, message)
        return len(found)
