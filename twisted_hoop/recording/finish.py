"""How a recording ends: the signed statement, checked where it landed, and its line in the ledger. Blocking."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from twisted_hoop.errors import RecordingFailed
from twisted_hoop.model import Outcome
from twisted_hoop.recording import framing
from twisted_hoop.recording.entries import SIGNATURE, Statement, shorten, to_sign
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
        frame = writer.end(body)
        self.check(writer.descriptor, frame)
        return self.enter(session, path, Statement.parse(body)[1], frame.chain)

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

    def check(self, descriptor: int, frame: framing.Frame) -> None:
        """Read the final frame back and verify its signature with the public key that verifiers use (R3)."""
        try:
            raw = os.pread(descriptor, frame.end - frame.offset, frame.offset)
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
