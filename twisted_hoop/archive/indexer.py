"""Fills the index behind the recorder: it reads recordings as they are on disk, and so costs no command anything.

The recordings themselves are the queue. What is told here are ids, and what is lost of them by a crash, or because
there were too many, is found again by looking through the folder: at the start, and whenever too many waited.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from twisted_hoop.archive import catalogue
from twisted_hoop.archive.catalogue import CLOSED, DAMAGED, Kept, described, incomplete, save
from twisted_hoop.archive.gathering import Gathered, Gatherer
from twisted_hoop.archive.index import alone, put
from twisted_hoop.archive.rows import ASKED
from twisted_hoop.errors import HoopError, RecordingDamaged, RecordingSealed, UnknownRecording
from twisted_hoop.recording import files
from twisted_hoop.recording.following import Follower, Line
from twisted_hoop.recording.framing import Torn
from twisted_hoop.recording.library import Library
from twisted_hoop.store.database import Database

Clock = Callable[[], float]

EVERY = 1.0
"""Seconds between rounds."""
LIVE = 5.0
"""Seconds after which a live recording is read on, at the earliest; longer where reading it took longer."""
MOST = 10_000
"""Recordings that may wait; beyond them the folder is looked through."""
LONGEST = 60.0
"""Longest pause, in seconds, after rounds that failed."""
TRIES = 3
"""How often one recording may make a round fail."""
BATCH = 5000
"""Commands that are put in by one transaction, at most: others want to write too."""
ROWS = 1000
"""Rows that they make, at most."""
MOST_WORDS = 50_000
"""Words of the commands that wait for it, at most: memory is bounded, however long commands are (R10)."""
_AT_ONCE = 32
_SHARE = 20.0
"""A live recording is read on after this many times as long as reading it took: at most a twentieth of a processor."""


_SLICE = 0.001
"""Seconds of work in one piece: so long, at the most, a session waits for the interpreter because of it."""
_REST, _LONG_REST = 4.0, 64.0
"""Times as long as a piece took that is rested behind it: a fifth of a processor; a 65th while others are busy."""
_BUSY = 0.3
"""The share of a processor that the rest of the process takes when its sessions are busy."""
_WINDOW = 0.1
"""Seconds that are looked at: long enough to be more than chance, and not long ago."""


class Pace:
    """Work of a thread in small pieces with rests between them, for sessions go first.

    `clocks` are those of this thread, of the whole process, and of the wall, in seconds.
    """

    def __init__(
        self,
        clocks: tuple[Clock, Clock, Clock] = (time.thread_time, time.process_time, time.monotonic),
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clocks, self._rest = clocks, rest
        self._window = [clock() for clock in clocks]
        self._since = self._window[0]

    def breathe(self) -> None:
        """Rest when it is time; to be called often, and never with a transaction open."""
        worked = self._clocks[0]() - self._since
        if worked < _SLICE:
            return
        now = [clock() for clock in self._clocks]
        own, process, wall = (at - before for at, before in zip(now, self._window, strict=True))
        self._rest(worked * (_LONG_REST if process - own > _BUSY * wall else _REST))
        self._since = self._clocks[0]()
        if wall > _WINDOW:
            self._window = now


@dataclass(slots=True)
class _Waiting:
    """One recording on the list. `due` and `took` are seconds of the reactor's clock."""

    ended: bool = False
    due: float = 0.0
    tries: int = 0
    follower: Follower | None = None


class Indexer:
    """See the module. Methods are for the reactor's thread; `done` counts recordings that are searchable to the end."""

    _log = Logger()

    def __init__(self, reactor: Any, database: Database, library: Library) -> None:
        self._reactor, self._database, self._library = reactor, database, library
        self._waiting: dict[str, _Waiting] = {}
        self._behind = True  # at the start, nobody knows what an earlier process left
        self._loop = LoopingCall(self._round)
        self._loop.clock = reactor
        self._blamed: dict[str, int] = {}
        self._not_before, self._pause = 0.0, EVERY
        self._running: Deferred[None] | None = None
        self._stopped = False
        self.done = 0

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def behind(self) -> bool:
        """Whether there may be recordings in the folder that nobody told of yet."""
        return self._behind

    def opened(self, session: str) -> None:
        """A recording began."""
        if len(self._waiting) >= MOST:
            self._behind = True
            return
        self._waiting[session] = _Waiting(due=self._reactor.seconds() + LIVE)

    def closed(self, session: str) -> None:
        """It ends, or is about to."""
        waiting = self._waiting.get(session)
        if waiting is None:
            self.opened(session)
            waiting = self._waiting.get(session)
        if waiting is not None:
            waiting.ended, waiting.due = True, 0.0

    def start(self) -> None:
        """Begin; the database must have been started."""
        self._loop.start(EVERY, now=True).addErrback(lambda failure: self._log.failure("indexing ended", failure))

    async def stop(self) -> None:
        """Let what is being read finish."""
        self._stopped = True
        if self._loop.running:
            self._loop.stop()
        if self._running is not None:
            waiter: Deferred[None] = Deferred()
            self._running.addBoth(lambda _: waiter.callback(None))
            await waiter

    def _round(self) -> Deferred[None]:
        self._running = Deferred.fromCoroutine(self._work()).addErrback(self._failed)
        return self._running

    def _failed(self, failure: Any) -> None:
        """A later round tries again: nothing is forgotten, for what counts is in the folder."""
        self._behind = True
        self._not_before = self._reactor.seconds() + self._pause
        self._pause = min(self._pause * 2, LONGEST)
        if failure.check(HoopError):
            self._log.warn("recordings cannot be indexed now: {why}", why=str(failure.value))
        else:
            self._log.failure("indexing failed", failure=failure)

    async def _work(self) -> None:
        if self._reactor.seconds() < self._not_before:
            return
        if self._behind:
            self._behind = False
            days = await self._in_thread(lambda: list(files.days(self._library.folder)))
            for day in days:
                await self._day(day)
        while not self._stopped and (due := self._due()):
            for session in due:
                await self._one(session)
        self._pause = EVERY

    async def _day(self, day: Path) -> None:
        """Everything of one day that search does not know. Newest days come first."""
        for session in await self._in_thread(self._unknown, day):
            if self._stopped:
                return
            if session not in self._waiting and self._blamed.get(session, 0) < TRIES:
                self._waiting[session] = _Waiting(ended=True)
                await self._one(session)

    def _unknown(self, day: Path) -> list[str]:
        names = sorted((path.stem for path in files.recordings(day)), reverse=True)
        return self._database.read_now(lambda connection: incomplete(connection, names))

    def _due(self) -> list[str]:
        now = self._reactor.seconds()
        due = (session for session, waiting in self._waiting.items() if waiting.due <= now)
        return [session for session, _ in zip(due, range(_AT_ONCE), strict=False)]

    async def _one(self, session: str) -> None:
        try:
            complete, took = await self._in_thread(self._timed, session)
        except UnknownRecording:
            self._waiting.pop(session, None)  # it never began, or is gone
            return
        except Exception:
            self._waiting.pop(session, None)
            await self._blame(session)
            raise
        self._settle(session, complete, took)

    async def _blame(self, session: str) -> None:
        """R15: a recording that cannot be indexed, although the store answers, stops no other for long."""
        await self._database.ping()
        self._blamed[session] = self._blamed.get(session, 0) + 1
        if self._blamed[session] == TRIES:
            self._log.error("recording {session} is not indexed before the next start", session=session)

    def _settle(self, session: str, complete: bool, took: float) -> None:
        waiting = self._waiting.get(session)
        if waiting is None:
            return
        if complete:
            del self._waiting[session]
            self.done += 1
            return
        # Its end may still be on its way to disk. A recording nobody ends is another process's, or waits for recovery.
        waiting.tries += waiting.ended
        pause = 0.2 * 2**waiting.tries if waiting.ended else LIVE
        waiting.due = self._reactor.seconds() + max(pause, took * _SHARE)
        if waiting.tries > 8:
            del self._waiting[session]

    def _timed(self, session: str) -> tuple[bool, float]:
        began, waiting = time.thread_time(), self._waiting.get(session) or _Waiting()
        if waiting.follower is None:
            waiting.follower = followed(self._library, session)
        return read_on(self._database, self._library, session, waiting.follower), time.thread_time() - began

    def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), function, *arguments)


def followed(library: Library, session: str) -> Follower:
    """What finds the commands of a recording. UnknownRecording when there is none."""
    return Follower(library.find(session), library.ring, ASKED)


def read_on(database: Database, library: Library, session: str, follower: Follower | None = None) -> bool:
    """Index what was recorded since the last time; whether that was all there will be. Blocks.

    `follower` is that of the last time, which knows where it was; a new one goes through the file to where the index
    ends. UnknownRecording when there is none; StoreUnavailable.
    """
    path = library.find(session)
    known = database.read_now(lambda connection: catalogue.get(connection, session))
    if known is not None and known.complete:
        return True
    follower = follower or followed(library, session)
    reading, pace = _Reading(database, session, str(path.relative_to(library.folder)), known, follower), Pace()
    try:
        for number, lines in follower.lines(reading.known):
            reading.take(number, lines)
            pace.breathe()
    except (Torn, RecordingSealed):
        # Its writer let go of it between two looks, or crashed: recovery ends it, and it is read again. Of a sealed one
        # the key cannot be had now: the next start tries again.
        pass
    except RecordingDamaged:
        reading.damaged()
    return reading.finish(path.stat().st_size)


class _Reading:
    """One pass over one recording; keeps at most BATCH commands."""

    def __init__(self, database: Database, session: str, path: str, known: Kept | None, follower: Follower) -> None:
        self._database, self._session, self._path = database, session, path
        self._before = self._kept = known
        self.known = self._indexed = known.indexed if known is not None else 0
        self._gatherer: Gatherer | None = None
        if follower.header:
            self._begin(follower.header)

    def _begin(self, header: dict[str, Any]) -> None:
        if header["session"] != self._session:  # nothing is said of another one's row (R4)
            raise RecordingDamaged("it is the recording of another session")
        self._gatherer = Gatherer(header)
        self._kept = self._kept or described(self._path, header)

    def take(self, number: int, lines: list[Line]) -> None:
        """Some more, of which `number` is the last. RecordingDamaged for what does not belong here."""
        for line in lines:
            if isinstance(line, bytes) or line["kind"] in ASKED:
                self._command(line)
            elif line["kind"] == "open":
                self._begin(line)
            else:
                self._closed(line)
        self._indexed = max(self._indexed, number)

    def _command(self, line: Line) -> None:
        if self._gatherer is None:
            raise RecordingDamaged("an entry stands where none can be")
        self._indexed = max(self._indexed, self._gatherer.take(line))
        waiting = self._gatherer.waiting
        if len(waiting) >= BATCH or waiting.rows >= ROWS or waiting.words > MOST_WORDS:
            self._write()

    def _closed(self, entry: dict[str, Any]) -> None:
        if self._kept is None:
            raise RecordingDamaged("an end stands where none can be")
        self._kept = replace(self._kept, state=CLOSED, ended=self._kept.started + float(entry["t"]), complete=True)

    def damaged(self) -> None:
        """What came before can be trusted, and is indexed; nothing follows."""
        if self._kept is not None:
            self._kept = replace(self._kept, state=DAMAGED, complete=True)

    def finish(self, size: int) -> bool:
        """Write the rest; whether it is complete. Nothing is known of what has no header."""
        if self._kept is None:
            return False
        self._kept = replace(self._kept, bytes=size)
        self._write()
        return self._kept.complete

    def _write(self) -> None:
        assert self._kept is not None
        kept = replace(self._kept, indexed=self._indexed)
        if kept == self._before:  # a live session in which nothing happened
            return
        waiting = Gathered(kept.id) if self._gatherer is None else self._gatherer.take_all()

        def work(connection: Any) -> None:
            alone(connection, kept.id)
            gone = catalogue.get(connection, kept.id)
            if gone is None or gone.state not in (catalogue.DELETING, catalogue.DELETED):
                put(connection, waiting)
            save(connection, kept)

        self._database.write_now(work)
        self._kept = self._before = kept
