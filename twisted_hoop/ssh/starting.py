"""What a command that was admitted begins with: its streams, and who judges its operations. Pure."""

from __future__ import annotations

from twisted_hoop.masking.streams import StreamLooker, StreamMasker
from twisted_hoop.model import Admission
from twisted_hoop.shell.reading import Reading
from twisted_hoop.ssh.events import STDERR, STDOUT
from twisted_hoop.ssh.running import Judge
from twisted_hoop.ssh.streams import Streams
from twisted_hoop.ssh.terms import Terms


def streams_of(channel: int, terms: Terms, admission: Admission, transfer: bool, terminal: bool) -> Streams:
    """The streams of an admitted command.

    A `transfer` is bytes: nothing in it is masked, and its content recorded only when the decision says so. What is
    typed into a `terminal` is not recorded key by key, for passwords are typed there; its lines are (see terminal.py).
    """
    content = admission.decision.content
    if transfer:
        return Streams(channel, {}, None, output=content, inputs=content)
    effective = terms.effective() | admission.decision.masks
    maskers: dict[int, StreamMasker] = {}
    for stream in (STDOUT, STDERR):
        masker = terms.masks.stream_masker(effective)
        if masker is not None:
            maskers[stream] = masker
    masks = terms.masks.request_masks(effective)
    looker = StreamLooker(masks) if masks else None
    return Streams(channel, maskers, looker, output=True, inputs=content or not terminal)


def judge_of(name: bytes, reading: Reading | None) -> Judge | None:
    """Who asks for each operation of a transfer; None where the command itself is all that can be judged."""
    return None
