"""Visits that every replica knows: rows of the store that only the visitor's own browser can open.

A row is sealed with a key made from the visit's id, which the cookie has and the store has not: who reads the store
learns neither who is logged in nor a token, and who writes it makes no visit (I7, R11). A visit that is known here is
looked up again every few seconds, and at once when another replica says that it changed, so a log-out holds everywhere.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, delete, insert, select, update

from twisted_hoop.console.visits import OF_ONE, Visit, Visits, digest_of
from twisted_hoop.model import Actor, Kind, Principal
from twisted_hoop.news.word import VISIT
from twisted_hoop.store.database import Database
from twisted_hoop.store.tables import visits

TRUSTED = 5.0
"""Seconds a visit counts as what it was when the store was asked for it last."""
SEEN = 30.0
"""Seconds between two writings of when somebody was last there."""
OLDEST = 30 * 86400.0
"""Seconds after which a row goes in any case."""
_NONCE = 12  # bytes, NIST SP 800-38D section 8.2


@dataclass(slots=True)
class _Known:
    version: int
    asked: float
    written: float


class SharedVisits:
    """The visits of this process and of all others. `tell` tells the other replicas (`news.word`).

    Every coroutine may raise StoreUnavailable: nobody is let in on what cannot be looked up.
    """

    def __init__(
        self, here: Visits, database: Database, now: Callable[[], float], tell: Callable[[str, str], None]
    ) -> None:
        self.here = here
        self._database, self._now, self._tell = database, now, tell
        self._known: dict[bytes, _Known] = {}

    async def begin(self, principal: Principal, nonce: str = "", refresh: str = "") -> str:
        """A new visit's id, see `Visits.begin`."""
        visit_id = self.here.begin(principal, nonce, refresh)
        visit = self.here.peek(visit_id)
        if visit is not None:
            key, sealed = digest_of(visit_id), _sealed(visit_id, visit)
            owner = hashlib.sha256(principal.key.encode("utf-8", "surrogatepass")).hexdigest()
            now = self._now()
            row = {"id": key.hex(), "owner": owner, "began": visit.began, "seen": visit.seen, "version": 1}
            await self._database.write(lambda c: _begin(c, {**row, "sealed": sealed}))
            self._known[key] = _Known(1, now, now)
        return visit_id

    async def fetch(self, visit_id: str) -> None:
        """Have here what the store knows of this visit: to be awaited before `here` is asked for it."""
        key, now = digest_of(visit_id), self._now()
        known = self._known.get(key)
        if not visit_id or (known is not None and now < known.asked + TRUSTED):
            return
        row = await self._database.read(lambda c: c.execute(select(visits).where(visits.c.id == key.hex())).first())
        if row is None:
            self.forget(key.hex())
            self.here.end(visit_id)
            return
        if known is None or known.version != row.version:
            visit = _opened(visit_id, row.sealed, row.began, row.seen)
            if visit is None:
                return
            self.here.put(visit_id, visit)
        self.here.was_seen(visit_id, row.seen)
        self._known[key] = _Known(row.version, now, row.seen)
        self._drop_old()

    async def seen(self, visit_id: str) -> None:
        """Somebody was there: written down now and then, so that a visit does not idle at one replica alone."""
        key = digest_of(visit_id)
        visit, known = self.here.peek(visit_id), self._known.get(key)
        if visit is None or known is None or visit.seen < known.written + SEEN:
            return
        known.written = seen = visit.seen
        change = update(visits).where(visits.c.id == key.hex(), visits.c.seen < seen).values(seen=seen)
        await self._database.write(lambda c: c.execute(change) and None)

    async def claim(self, visit_id: str) -> bool:
        """Whether this replica alone may change the visit now: of several, one gets it. The others look it up anew."""
        key = digest_of(visit_id)
        known = self._known.get(key)
        if known is None:
            return False
        mine = update(visits).where(visits.c.id == key.hex(), visits.c.version == known.version)
        change = mine.values(version=known.version + 1)
        won = await self._database.write(lambda c: c.execute(change).rowcount > 0)
        if won:
            known.version += 1
        else:
            known.asked = 0.0
        return won

    async def changed(self, visit_id: str) -> None:
        """What was claimed has changed here: for all others to see."""
        key = digest_of(visit_id)
        visit, known = self.here.peek(visit_id), self._known.get(key)
        if visit is None or known is None:
            return
        values = {"sealed": _sealed(visit_id, visit), "version": known.version + 1}
        mine = update(visits).where(visits.c.id == key.hex(), visits.c.version == known.version).values(values)
        if await self._database.write(lambda c: c.execute(mine).rowcount > 0):
            known.version += 1
        self._tell(VISIT, key.hex())

    async def end(self, visit_id: str) -> None:
        """Log out, everywhere. Idempotent."""
        key = digest_of(visit_id)
        self.here.end(visit_id)
        self.forget(key.hex())
        await self._database.write(lambda c: c.execute(delete(visits).where(visits.c.id == key.hex())) and None)
        self._tell(VISIT, key.hex())

    def forget(self, digest: str) -> None:
        """Another replica changed or ended it: what is known here counts no more, until the store is asked again."""
        key = bytes.fromhex(digest) if len(digest) == 64 and set(digest) <= set("0123456789abcdef") else b""
        if self._known.pop(key, None) is not None:
            self.here.drop(key)

    def _drop_old(self) -> None:
        if len(self._known) > 2 * len(self.here) + 1000:
            self._known = {key: known for key, known in self._known.items() if self.here.has(key)}


def _begin(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(delete(visits).where(visits.c.began < row["began"] - OLDEST))
    mine = select(visits.c.id).where(visits.c.owner == row["owner"]).order_by(visits.c.began.desc())
    old = list(connection.scalars(mine.offset(OF_ONE - 1)))
    if old:
        connection.execute(delete(visits).where(visits.c.id.in_(old)))
    connection.execute(insert(visits).values(row))


def _key(visit_id: str) -> AESGCM:
    """RFC 5869; the id has 256 random bits, so no salt is needed (section 3.1)."""
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"hoop console visit 1")
    return AESGCM(kdf.derive(visit_id.encode("utf-8", "surrogatepass")))


def _sealed(visit_id: str, visit: Visit) -> bytes:
    told = {"csrf": visit.csrf, "nonce": visit.nonce, "refresh": visit.refresh, "renew_at": visit.renew_at}
    nonce = os.urandom(_NONCE)
    plain = json.dumps({"principal": _data(visit.principal), **told}).encode("ascii")
    return nonce + _key(visit_id).encrypt(nonce, plain, digest_of(visit_id))


def _opened(visit_id: str, sealed: bytes, began: float, seen: float) -> Visit | None:
    """None for what was not sealed with this id."""
    try:
        plain = _key(visit_id).decrypt(bytes(sealed[:_NONCE]), bytes(sealed[_NONCE:]), digest_of(visit_id))
        told = json.loads(plain)
        return Visit(_principal(told.pop("principal")), began=began, seen=seen, **told)
    except (InvalidTag, ValueError, KeyError, TypeError):
        return None


def _data(who: Principal) -> dict[str, Any]:
    targets = None if who.targets is None else sorted(who.targets)
    within = [_data(each) for each in who.within]
    return {**asdict(who), "groups": sorted(who.groups), "kind": who.kind.value, "within": within, "targets": targets}


def _principal(told: dict[str, Any]) -> Principal:
    chain = tuple(Actor(**each) for each in told.pop("chain"))
    within = tuple(_principal(each) for each in told.pop("within", ()))
    targets = told.pop("targets", None)
    return Principal(
        groups=frozenset(told.pop("groups")),
        kind=Kind(told.pop("kind")),
        chain=chain,
        within=within,
        targets=None if targets is None else frozenset(targets),
        **told,
    )
