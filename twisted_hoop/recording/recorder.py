"""Where recordings are made: the gateway's IRecorder."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from zope.interface import implementer

from twisted_hoop.errors import RecordingFailed, UnknownRecording
from twisted_hoop.interfaces import IRecorder
from twisted_hoop.model import Outcome, Session
from twisted_hoop.recording import data_keys, files
from twisted_hoop.recording.barrier import InThread
from twisted_hoop.recording.data_keys import WrappedKey
from twisted_hoop.recording.entries import describe
from twisted_hoop.recording.finish import Finisher
from twisted_hoop.recording.heads import Heads
from twisted_hoop.recording.keeper import KeyKeeper
from twisted_hoop.recording.keys import load_signing_key, public_keys
from twisted_hoop.recording.ledger import Ledger
from twisted_hoop.recording.library import Library
from twisted_hoop.recording.recording import Counts, Means, Recording
from twisted_hoop.recording.recovery import Recovered, recover
from twisted_hoop.recording.wrapping import Transit
from twisted_hoop.recording.writer import Writer
from twisted_hoop.settings import RecordingSection


@implementer(IRecorder)
class Recorder:
    """Makes recordings in one folder, signed with one key.

    `state` is the gateway's state folder; `reactor` gives time, timers and threads. `in_thread` runs blocking work and
    returns a Deferred; the default is the reactor's thread pool. `transit` is a key in Vault. Construction reads or
    makes the keys, and raises ConfigurationError when that cannot be; one that Vault keeps is made by `recover`.
    """

    _log = Logger()

    def __init__(
        self,
        settings: RecordingSection,
        state: Path,
        reactor: Any,
        gateway: str,
        in_thread: InThread | None = None,
        transit: Transit | None = None,
    ) -> None:
        self.folder = files.private_folder(Path(settings.folder) if settings.folder else state / "recordings")
        files.check_private(self.folder)
        self.key = load_signing_key(state, settings.key)
        self._minimum_free = settings.minimum_free
        self._gateway = gateway
        durable = settings.durability == "fsync-per-command"
        ledger = Ledger(self.folder / files.LEDGER, self.key, sync=durable)
        finisher = Finisher(self.key, ledger, public_keys(state))
        in_thread = in_thread or _pool(reactor)
        heads = Heads(ledger, reactor, in_thread)
        self._means = Means(self.folder, reactor, in_thread, finisher, durable, heads, settings.head_every)
        self.keys = KeyKeeper(settings, state, transit)

    @property
    def library(self) -> Library:
        """What was recorded here, and the keys that open it."""
        return Library(self.folder, self.keys.ring)

    @property
    def ledger(self) -> Ledger:
        """The chain of recordings, for lines about what happens to them later."""
        return self._means.finisher.ledger

    @property
    def counts(self) -> Counts:
        """How much was recorded since the start: for metrics."""
        return self._means.counts

    def open(self, session: Session, policy_version: str = "") -> Recording:
        """A recording whose header is written; or RecordingFailed (no space, no key, no such id, the id was used)."""
        files.require_space(self.folder, self._minimum_free)
        path = self._place(session)
        key, wrapped = self.keys.new(session.id)
        header = describe(session, self._gateway, policy_version, wrapped.key)
        writer = self._begun(self.folder / path, header, key, wrapped)
        self.counts.opened += 1
        return Recording(self._means, session.id, path, writer)

    def _begun(self, place: Path, header: bytes, key: bytes, wrapped: WrappedKey) -> Writer:
        """The file, and the key file before anything is sealed with the key; neither when the header is not taken."""
        writer = Writer(files.create(place), place if self._means.durable else None)
        try:
            data_keys.store(place, wrapped)
            try:
                writer.begin(header, key)
            except RecordingFailed:
                data_keys.forget(place)
                raise
        except RecordingFailed:
            with suppress(OSError):  # there was no session: half a header would look like a damaged recording
                place.unlink()
            writer.release()
            self.counts.failed += 1
            raise
        return writer

    def _place(self, session: Session) -> str:
        try:
            path = files.relative_path(session.id, session.started)
            files.private_folder((self.folder / path).parent)
        except UnknownRecording as error:
            raise RecordingFailed(str(error)) from error
        except OSError as error:
            raise RecordingFailed(f"cannot make a folder for recordings: {error.strerror}") from error
        return path

    def recover(self) -> Deferred[list[Recovered]]:
        """End what a crash left open, in a thread. To be awaited before the first session starts (R5).

        Also has Vault encrypt the wrapping key, where that is configured: fails with HoopError when it does not.
        """
        return self._means.in_thread(self._recover).addCallback(self._told)

    def _recover(self) -> list[Recovered]:
        self.keys.prepare()
        return recover(self.folder, self._means.finisher)

    def _told(self, done: list[Recovered]) -> list[Recovered]:
        for each in done:
            say = self._log.error if each.problem else self._log.info
            say("recording {session} was left open: {outcome} {why}", **_fields(each))
        return done

    def idle(self) -> Deferred[None]:
        """Fires once every recording that is being closed is signed and in the ledger, or has failed to be.

        To be awaited before the reactor stops its threads. Does not wait for recordings nobody has closed.
        """
        ends: list[Deferred[Any]] = [each.close(Outcome("closed")) for each in tuple(self._means.closing)]
        ends.append(self._means.heads.stop())
        return DeferredList(ends, consumeErrors=True).addCallback(lambda _: None)


def _fields(each: Recovered) -> dict[str, Any]:
    return {
        "session": each.session,
        "outcome": each.outcome,
        "why": each.problem,
        "count": each.count,
        "torn": each.torn,
    }


def _pool(reactor: Any) -> InThread:
    def in_thread(function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        return deferToThreadPool(reactor, reactor.getThreadPool(), function, *arguments)

    return in_thread
