"""The streams of exec and attach on their way: masked, counted, recorded. Pure.

What is recorded of output is what the client sees, after masking (M12); stdout, stderr and stdin are told apart (R8,
K14). The entries are those of SSH's channels, so that whoever plays the one plays the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from twisted_hoop.errors import ProtocolError
from twisted_hoop.kubernetes.archives import Archive
from twisted_hoop.kubernetes.parts import Stream
from twisted_hoop.masking.requests import Finding
from twisted_hoop.masking.streams import StreamLooker, StreamMasker
from twisted_hoop.recording.streams import stream_entry
from twisted_hoop.steps import Record, Step

MakeMasker = Callable[[], "StreamMasker | None"]


class Streams:
    """See the module. `output` and `inputs` tell whether bytes are recorded or only counted; stderr always is.

    `files` are streams whose bytes are files and not text: they are not rewritten, as what comes out would be no
    archive any more; what a mask finds in them ends the command. Told are a digest of each, and the names inside.
    """

    def __init__(
        self,
        channel: int,
        masker: MakeMasker,
        looker: StreamLooker | None,
        *,
        output: bool = True,
        inputs: bool = True,
        files: frozenset[Stream] = frozenset(),
    ) -> None:
        self._channel = channel
        self._make = masker
        self._maskers: dict[Stream, StreamMasker | None] = {"stdout": masker(), "stderr": masker()}
        self._looker = looker
        self._recorded: dict[Stream, bool] = {"stdout": output, "stderr": True, "stdin": inputs}
        self._files = files
        self._digests = {stream: hashlib.sha256() for stream in files}
        self._archives = {stream: Archive() for stream in files}
        self._sizes: dict[Stream, int] = {"stdin": 0, "stdout": 0, "stderr": 0}
        self._masked = 0
        self._refused = False

    # -- output ---------------------------------------------------------------------------------------------------

    def outgoing(self, stream: Stream, data: bytes) -> tuple[bytes, list[Step]]:
        """Output of the target: (what the client may see now, the record of it)."""
        masker = self._maskers[stream]
        return self._shown(stream, masker.feed(data) if masker is not None else data)

    def ended(self, stream: Stream) -> tuple[bytes, list[Step]]:
        """The same of what was held back: nothing follows, or not for now."""
        masker = self._maskers[stream]
        return self._shown(stream, masker.flush() if masker is not None else b"")

    def idle(self, stream: Stream) -> tuple[bytes, list[Step]]:
        """The same when a moment has passed, but for the beginning of what might be a value."""
        masker = self._maskers[stream]
        return self._shown(stream, masker.idle() if masker is not None and masker.held else b"")

    def _shown(self, stream: Stream, data: bytes) -> tuple[bytes, list[Step]]:
        masker = self._maskers[stream]
        if stream in self._files and masker is not None and masker.masked:
            if self._refused:
                return b"", []
            self._refused = True
            raise ProtocolError("hoop: refused: a mask found values in the files, which may not be copied from here")
        return data, self._passed("output", stream, data)

    def _passed(self, kind: str, stream: Stream, data: bytes) -> list[Step]:
        if not data:
            return []
        self._sizes[stream] += len(data)
        if stream in self._digests:
            self._digests[stream].update(data)
            self._archives[stream].feed(data)
        return [Record(stream_entry(kind, self._channel, stream, data))] if self._recorded[stream] else []

    def status(self, data: bytes) -> bytes:
        """A Status of the error stream: messages of programs may stand in it."""
        masker = self._make()
        if masker is None:
            return data
        shown = masker.feed(data) + masker.flush()
        self._masked += masker.masked
        return shown

    # -- input ----------------------------------------------------------------------------------------------------

    def incoming(self, data: bytes) -> tuple[bytes, list[Step]]:
        """Input of the client: (what the target gets now, the record of it). Raises ProtocolError as `files` says, and
        for what may not go in.
        """
        return self._looked(*self._looker.feed(data)) if self._looker is not None else self._sent(data)

    def input_ended(self) -> tuple[bytes, list[Step]]:
        """The rest of it."""
        return self._looked(*self._looker.flush()) if self._looker is not None else (b"", [])

    def input_idle(self) -> tuple[bytes, list[Step]]:
        """A moment has passed: what waited for the end of its line goes on."""
        if self._looker is None or not self._looker.held:
            return b"", []
        return self._looked(*self._looker.idle())

    def _looked(self, data: bytes, findings: list[Finding]) -> tuple[bytes, list[Step]]:
        for finding in findings:
            if finding.action != "mask" or "stdin" in self._files:
                where = f"mask {finding.mask} found {finding.detector} in {finding.where}"
                raise ProtocolError(f"hoop: refused: {where}, which may not go there")
        return self._sent(data)

    def _sent(self, data: bytes) -> tuple[bytes, list[Step]]:
        return data, self._passed("input", "stdin", data)

    # -- in the end -----------------------------------------------------------------------------------------------

    def totals(self) -> dict[str, object]:
        """Bytes of each stream as they passed, of all output, values masked, and digests of files."""
        masked = self._masked + sum(masker.masked for masker in self._maskers.values() if masker is not None)
        masked += self._looker.masked if self._looker is not None else 0
        told: dict[str, object] = dict(self._sizes.items())
        told["masked"] = masked
        told["bytes"] = self._sizes["stdout"] + self._sizes["stderr"]
        for stream, digest in self._digests.items():
            way = "written" if stream == "stdin" else "read"
            told[way] = {"bytes": self._sizes[stream], "sha256": digest.hexdigest()}
            told |= self._archives[stream].told()
        return told
