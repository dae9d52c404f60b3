"""What a command that was admitted begins with: its streams, and who judges its operations. Pure."""

from __future__ import annotations

from typing import Union

from twisted_hoop.masking.streams import StreamLooker, StreamMasker
from twisted_hoop.model import Decision, Facts
from twisted_hoop.shell.reading import Reading
from twisted_hoop.shell.transfers import JUDGED_TRANSFERS
from twisted_hoop.ssh.events import STDERR, STDOUT, Request
from twisted_hoop.ssh.requests import EXEC, SHELL, SUBSYSTEM, Terminal, parse_text
from twisted_hoop.ssh.scp import ScpJudge
from twisted_hoop.ssh.script import ScriptJudge
from twisted_hoop.ssh.sftp import SftpJudge
from twisted_hoop.ssh.streams import Streams
from twisted_hoop.ssh.terminal import TerminalJudge
from twisted_hoop.ssh.terms import Terms

Judge = Union[SftpJudge, ScpJudge, TerminalJudge, ScriptJudge]
SFTP = b"sftp"
DOUBTFUL = frozenset({"dynamic", "unknown", "oversize"})
_SFTP_PROGRAMS = frozenset({"sftp-server", "internal-sftp"})


def is_transfer(start: Request, reading: Reading | None) -> bool:
    """Whether what passes is bytes of files and never text."""
    if start.name == SUBSYSTEM:
        return parse_text(start.data) == SFTP
    return reading is not None and reading.transfer is not None


def cannot_be_judged(reading: Reading | None) -> bool:
    """Whether a transfer whose files are judged one by one is written so that they cannot be (S15).

    One that stands among other commands is no transfer of the whole line: nobody would look at its files. Where a rule
    allows what is doubtful, it allows that as well.
    """
    if reading is None:
        return False
    if reading.transfer is not None:
        return reading.transfer.program == "scp" and ScpJudge.of(reading.text) is None
    doubted = any(DOUBTFUL & facts["class"] for facts in reading.facts)
    return not doubted and any(map(_has_files, reading.facts))


def _has_files(facts: Facts) -> bool:
    return "transfer" in facts["class"] and not JUDGED_TRANSFERS.isdisjoint(facts.get("program", ()))


def judge_of(
    channel: int, number: int, start: Request, reading: Reading | None, terms: Terms, terminal: Terminal | None
) -> Judge | None:
    """Who asks for each operation of a transfer, or for each line of a shell; None where there are none to ask for."""
    if start.name == SHELL:
        return _lines(channel, number, terms, terminal)
    if start.name == SUBSYSTEM:
        return SftpJudge(channel, number) if parse_text(start.data) == SFTP else None
    transfer = reading.transfer if start.name == EXEC and reading is not None else None
    if transfer is None or reading is None:
        return None
    if transfer.program in _SFTP_PROGRAMS:
        return SftpJudge(channel, number)
    return ScpJudge.of(reading.text, channel, number) if transfer.program == "scp" else None


def _lines(channel: int, number: int, terms: Terms, terminal: Terminal | None) -> Judge:
    def facts(line: bytes) -> tuple[Facts, ...]:
        return terms.read(line).facts

    hide = terms.masks.for_recording
    if terminal is None:
        return ScriptJudge(facts, channel, number, hide)
    size = terminal.size
    return TerminalJudge(facts, size.columns, size.rows, channel, number, hide)


def transfer_streams(channel: int, decision: Decision, terms: Terms, judge: Judge | None) -> Streams:
    """The streams of a transfer: in its files nothing is masked, and they are recorded only when the decision says so;
    by the judge, where there is one, file by file. What it says on stderr is text: masked and recorded (M3, R8).
    """
    content = decision.content and judge is None
    masker = terms.masks.stream_masker(terms.effective() | decision.masks)
    maskers = {} if masker is None else {STDERR: masker}
    return Streams(channel, maskers, None, output=content, inputs=content)


def text_streams(channel: int, decision: Decision, terms: Terms, terminal: bool) -> Streams:
    """The streams of every other command.

    What is typed into a `terminal` is not recorded key by key, for passwords are typed there; its lines are.
    """
    effective = terms.effective() | decision.masks
    maskers: dict[int, StreamMasker] = {}
    for stream in (STDOUT, STDERR):
        masker = terms.masks.stream_masker(effective)
        if masker is not None:
            maskers[stream] = masker
    masks = terms.masks.request_masks(effective)
    looker = StreamLooker(masks) if masks else None
    return Streams(channel, maskers, looker, output=True, inputs=decision.content or not terminal)
