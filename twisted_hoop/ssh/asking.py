"""What is asked of the gate for a channel: commands and their facts. Pure."""

from __future__ import annotations

from dataclasses import replace

from twisted_hoop.masking.masker import MaskSet
from twisted_hoop.model import Command, Decision, Effect, Facts, Refusal
from twisted_hoop.shell.reading import Reading
from twisted_hoop.ssh.requests import EXEC, SHELL, shown
from twisted_hoop.ssh.setup import Setup


def start_command(name: bytes, text: bytes, setup: Setup, reading: Reading | None, masks: MaskSet) -> Command:
    """The command of an exec, a shell or a subsystem. `reading` is that of an exec's text."""
    said = masks.for_recording(shown(text))
    context = setup.context()
    if said.encode() != text:  # two texts must never look like one to who approves (A3)
        context += (("fingerprint", masks.fingerprint([text])),)
    facts: tuple[Facts, ...]
    if name == EXEC:
        facts = reading.facts if reading is not None else ()
    elif name == SHELL:
        facts = ({"class": frozenset({"shell"})},)
    else:
        facts = ({"class": frozenset({"subsystem"}), "program": frozenset({shown(text)})},)
    return Command(name.decode(), said, facts, context=context, reason=setup.reason)


def side_command(kind: str) -> Command:
    """The command of a channel that will lead back to the client: `agent` (S24) or `x11`."""
    return Command(kind, kind, ({"class": frozenset({kind})},))


def refused_here(command: Command, rule: str, reason: str, hint: str) -> Refusal:
    """A refusal that no rule can lift."""
    return Refusal(command, Decision(Effect.DENY, rule, reason), "denied", reason, hint)


def explained(refusal: Refusal, reading: Reading | None) -> Refusal:
    """The refusal of a command with what was not understood of it: that is what can be written otherwise."""
    if reading is None or not reading.why or refusal.code != "denied":
        return refusal
    return replace(refusal, hint=f"Not understood: {reading.why}. {refusal.hint}".rstrip())


def withdrawn(command: Command, decision: Decision | None) -> Refusal:
    """The client gave up waiting."""
    decision = decision or Decision(Effect.REVIEW, "")
    return Refusal(command, decision, "withdrawn", "the client gave up while it waited for approval")
