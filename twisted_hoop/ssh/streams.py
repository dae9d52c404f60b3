"""The streams of a running command: masked, counted and recorded on their way. Pure.

What is recorded of output is what the client sees, after masking (M12); stdout, stderr and stdin are told apart (R8).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Union

from twisted_hoop.masking.requests import Finding
from twisted_hoop.masking.streams import StreamLooker, StreamMasker
from twisted_hoop.model import Refusal
from twisted_hoop.recording.streams import stream_entry
from twisted_hoop.ssh.events import STDERR, STDOUT, Data
from twisted_hoop.ssh.telling import refusal_text
from twisted_hoop.steps import Record, Step, ToClient, ToTarget

Bytes = Union[bytes, memoryview]
NAMES = {STDOUT: "stdout", STDERR: "stderr"}


class Objection(Exception):
    """What ends a command because of what was to go into it: a mask's find, or a line that was refused."""

    def __init__(self, text: str, mask: str = "", refusal: Refusal | None = None) -> None:
        super().__init__(text)
        self.mask = mask
        self.refusal = refusal

    @classmethod
    def of_finding(cls, finding: Finding) -> Objection:
        """A mask found something on its way in that may not go there."""
        text = f"mask {finding.mask} found {finding.detector} in {finding.where}, which may not go there"
        return cls(f"hoop: refused: {text}", finding.mask)

    @classmethod
    def of_refusal(cls, refusal: Refusal) -> Objection:
        """The gate's no to a part of the input."""
        return cls(refusal_text(refusal), "", refusal)


class Streams:
    """See the module. `output` and `inputs` tell whether bytes are recorded or only counted; stderr always is."""

    def __init__(
        self,
        channel: int,
        maskers: Mapping[int, StreamMasker],
        looker: StreamLooker | None,
        *,
        output: bool,
        inputs: bool,
    ) -> None:
        self._channel = channel
        self._maskers = maskers
        self._looker = looker
        self._output = output
        self._inputs = inputs
        self._sizes = {"stdin": 0, "stdout": 0, "stderr": 0}
        self._fresh = False

    @property
    def held(self) -> bool:
        """Whether something is held back that a moment without more would let go."""
        return self._fresh

    def outgoing(self, event: Data) -> list[Step]:
        """Output of the target."""
        masker = self._maskers.get(event.stream)
        if masker is None:
            return self._shown(event.stream, event.data)
        data = masker.feed(event.data)
        self._fresh = self._fresh or masker.held > 0
        return self._shown(event.stream, data) if data else []

    def incoming(self, data: Bytes) -> list[Step]:
        """Input of the client. Raises Objection for what may not go in."""
        self._sizes["stdin"] += len(data)
        if self._looker is None:
            return self._sent(data)
        self._fresh = True
        return self._looked(*self._looker.feed(data))

    def _looked(self, data: bytes, findings: list[Finding]) -> list[Step]:
        for finding in findings:
            if finding.action != "mask":
                raise Objection.of_finding(finding)
        return self._sent(data) if data else []

    def _sent(self, data: Bytes) -> list[Step]:
        sent = ToTarget(Data(STDOUT, data))
        return [Record(stream_entry("input", self._channel, "stdin", data)), sent] if self._inputs else [sent]

    def idle(self) -> list[Step]:
        """A moment has passed: what waits for more goes on, but for the beginning of what might be a value."""
        self._fresh = False
        steps: list[Step] = []
        for stream, masker in self._maskers.items():
            steps += self._shown(stream, data) if (data := masker.idle()) else []
        return steps + (self._looked(*self._looker.idle()) if self._looker is not None else [])

    def output_ended(self) -> list[Step]:
        """Nothing follows, or an exit status does: everything that was held."""
        steps: list[Step] = []
        for stream, masker in self._maskers.items():
            steps += self._shown(stream, data) if (data := masker.flush()) else []
        return steps

    def input_ended(self) -> list[Step]:
        """The same of what goes in. Raises Objection."""
        return self._looked(*self._looker.flush()) if self._looker is not None else []

    def totals(self) -> dict[str, int]:
        """Bytes of each stream as they passed, and how many values were masked."""
        masked = sum(masker.masked for masker in self._maskers.values())
        masked += self._looker.masked if self._looker is not None else 0
        return {**self._sizes, "masked": masked}

    def _shown(self, stream: int, data: Bytes) -> list[Step]:
        name = NAMES[stream]
        self._sizes[name] += len(data)
        if not self._output and stream == STDOUT:
            return [ToClient(Data(stream, data))]
        return [Record(stream_entry("output", self._channel, name, data)), ToClient(Data(stream, data))]
