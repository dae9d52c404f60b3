"""Visits: people who are logged in to the console, each by an opaque id that only their browser has."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from twisted_hoop.model import Principal
from twisted_hoop.settings import ConsoleSection

MAX_VISITS = 10_000
OF_ONE = 20
"""Visits of one person; the oldest ends for a new one, so that nobody logs others out by logging in again and again."""
_ID = 32  # random bytes


@dataclass(slots=True)
class Visit:
    """One person in one browser, from log-in to log-out. `csrf` stands in every form; times are POSIX.

    `refresh` renews the identity at its issuer, once `renew_at` has come; "" when the issuer gave no such token.
    `nonce` is that of the log-in.
    """

    principal: Principal
    csrf: str
    began: float
    seen: float
    nonce: str = ""
    refresh: str = field(default="", repr=False)
    renew_at: float = 0.0

    def meant(self, csrf: str) -> bool:
        """Whether a form that carries this token is one of ours. In constant time."""
        return hmac.compare_digest(self.csrf.encode("ascii"), csrf.encode("utf-8", "replace"))


class Visits:
    """The visits that are known to this process. Ids are kept as digests: what reads this memory cannot log in with it.

    `still_valid` is the identity provider's: a visit ends with the identity it stands on (I9). `terms` are the
    settings in force.
    """

    def __init__(
        self,
        now: Callable[[], float],
        still_valid: Callable[[Principal], bool],
        terms: Callable[[], ConsoleSection],
    ) -> None:
        self._now = now
        self._still_valid = still_valid
        self._terms = terms
        self._visits: OrderedDict[bytes, Visit] = OrderedDict()

    def __len__(self) -> int:
        return len(self._visits)

    def begin(self, principal: Principal, nonce: str = "", refresh: str = "") -> str:
        """A new visit's id, always a fresh one: an id from before the log-in proves nothing."""
        now = self._now()
        visit_id = secrets.token_urlsafe(_ID)
        self._make_room(principal.key)
        visit = Visit(principal, secrets.token_urlsafe(_ID), now, now, nonce, refresh, renew_at(principal, now))
        self._visits[digest_of(visit_id)] = visit
        while len(self._visits) > MAX_VISITS:
            self._visits.popitem(last=False)
        return visit_id

    def _make_room(self, key: str) -> None:
        mine = [ident for ident, visit in self._visits.items() if visit.principal.key == key]
        for ident in mine[: max(0, len(mine) + 1 - OF_ONE)]:
            del self._visits[ident]

    def find(self, visit_id: str) -> Visit | None:
        """The visit of that id, if it goes on; looking keeps it from being idle."""
        visit = self.peek(visit_id)
        if visit is not None:
            visit.seen = self._now()
        return visit

    def peek(self, visit_id: str) -> Visit | None:
        """The visit of that id, if it goes on, without counting as activity: for streams that run by themselves."""
        key = digest_of(visit_id)
        visit = self._visits.get(key)
        if visit is not None and not self._goes_on(visit):
            del self._visits[key]
            return None
        return visit

    def end(self, visit_id: str) -> None:
        """Log out. Idempotent."""
        self._visits.pop(digest_of(visit_id), None)

    def put(self, visit_id: str, visit: Visit) -> None:
        """A visit that began at another replica, or changed there."""
        self._visits[digest_of(visit_id)] = visit
        while len(self._visits) > MAX_VISITS:
            self._visits.popitem(last=False)

    def was_seen(self, visit_id: str, at: float) -> None:
        """Somebody was there at another replica, at that time."""
        visit = self._visits.get(digest_of(visit_id))
        if visit is not None:
            visit.seen = max(visit.seen, at)

    def has(self, digest: bytes) -> bool:
        """Whether a visit of that digest is known."""
        return digest in self._visits

    def drop(self, digest: bytes) -> None:
        """Know it no more."""
        self._visits.pop(digest, None)

    def _goes_on(self, visit: Visit) -> bool:
        now = self._now()
        terms = self._terms()
        young = now < visit.began + terms.lifetime and now < visit.seen + terms.idle
        return young and self._still_valid(visit.principal)


def renew_at(principal: Principal, now: float) -> float:
    """When an identity should be renewed: after two thirds of the time it has left."""
    return now + max(0.0, (principal.expires or now) - now) * 2 / 3


def digest_of(visit_id: str) -> bytes:
    """What a visit is kept by."""
    return hashlib.sha256(visit_id.encode("utf-8", "surrogatepass")).digest()
