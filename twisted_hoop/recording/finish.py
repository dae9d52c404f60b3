"""How a recording ends: the signed statement, checked where it landed, and its line in the ledger. Blocking."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from twisted_hoop.errors import RecordingFailed
from twisted_hoop.model import Outcome
from twisted_hoop.recording import framing
from twisted_hoop.recording.entries import SIGNATURE, Head, Statement, head_to_sign, shorten, to_sign
from twisted_hoop.recording.keys import PublicKeys, SigningKey
from twisted_hoop.recording.ledger import Ledger
from twisted_hoop.recording.writer import Writer


@dataclass(frozen=True, slots=True)
class Finisher:
    """Ends recordings with one key and one ledger. `trusted` are its public key and those it replaced."""

    key: SigningKey
    ledger: Ledger
    trusted: PublicKeys

    def finish(self, writer: Writer, session: str, path: str, outcome: Outcome, seconds: float, torn: int = 0) -> str:
        """Sign, write, sync, check and enter it in the ledger; returns the ledger's new head. Or RecordingFailed."""
        writer.flush()
        body = self.statement(writer, session, outcome, seconds, torn)
        offset = writer.end(body)
        self.check(writer.descriptor, offset, writer.bytes)
        return self.enter(session, path, Statement.parse(body)[1], writer.chain)

    def sign(self, writer: Writer, session: str, seconds: float) -> bytes:
        """Write a signed head after all that was written; its chain value. Or RecordingFailed."""
        writer.flush()
        segments = writer.segments.number if writer.segments is not None else 0
        said = Head(session, writer.count, segments, writer.chain.hex(), round(seconds, 6), self.key.id).signed()
        writer.sign(self.key.sign(head_to_sign(said)) + said)
        return writer.chain

    def statement(self, writer: Writer, session: str, outcome: Outcome, seconds: float, torn: int) -> bytes:
        """The final frame's body: signature, then the statement it covers."""
        said = Statement(
            session=session,
            outcome=outcome.code,
            message=shorten(outcome.message),
            count=writer.count,
            head=writer.chain.hex(),
            seconds=round(seconds, 6),
            key=self.key.id,
            torn=torn,
        ).signed()
        return self.key.sign(to_sign(said)) + said

    def check(self, descriptor: int, offset: int, end: int) -> None:
        """Read the final frame back and verify its signature with the public key that verifiers use (R3).

        It stands in the file from `offset` to `end`.
        """
        try:
            raw = os.pread(descriptor, end - offset, offset)
        except OSError as error:
            raise RecordingFailed(f"cannot read the recording back: {error.strerror}") from error
        body = raw[framing.HEAD.size : -framing.CHAIN]
        if not self.key.trusted.check(self.key.id, body[:SIGNATURE], to_sign(body[SIGNATURE:])):
            raise RecordingFailed("the signature does not verify: key and public key are not a pair")

    def opened(self, session: str, path: str, head: bytes) -> str:
        """The ledger's line for a recording that begins; `head` is its header's chain value."""
        return self.ledger.append("opened", session, path, head, time.time())

    def enter(self, session: str, path: str, said: Statement, head: bytes) -> str:
        """The ledger's line for a finished recording."""
        return self.ledger.append("closed", session, path, head, time.time(), count=said.count, outcome=said.outcome)
