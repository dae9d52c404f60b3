"""The connections of one port-forward: which streams belong together, what passed, and their entries. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from twisted_hoop.model import Admission, Command, Entry, Facts, Refusal
from twisted_hoop.recording.streams import stream_entry
from twisted_hoop.steps import Record, Step

Way = Literal["to_target", "to_client"]
_KINDS: Mapping[Way, tuple[str, str]] = {"to_target": ("input", "to target"), "to_client": ("output", "to client")}


@dataclass(slots=True)
class Connection:
    """One connection to a port: `number` counts them, `data` and `error` are its streams, 0 while they are not open;
    `request` is the client's name for it.
    """

    number: int
    port: int
    request: str = ""
    data: int = 0
    error: int = 0
    sizes: dict[Way, int] = field(default_factory=lambda: {"to_target": 0, "to_client": 0})
    failed: str = ""
    over: bool = False


class Forwarded:
    """Entries of a port-forward. `pod` is what its ports are ports of, `facts` those of the request (they are part of
    each port's), `content` whether bytes are recorded.
    """

    def __init__(self, channel: int, pod: str, facts: Facts, content: bool, reason: str = "") -> None:
        self.content = content
        self._channel = channel
        self._pod = pod
        self._facts = facts
        self._reason = reason
        self._sizes: dict[Way, int] = {"to_target": 0, "to_client": 0}
        self._connections = 0

    def command(self, port: int) -> Command:
        """What is asked about a port (K5, S10's kind)."""
        place = f"{self._pod}:{port}"
        facts = {**self._facts, "class": frozenset({"forward"}), "destination": frozenset({place})}
        return Command("forward", f"port-forward {place}", (facts,), reason=self._reason)

    def admitted(self, admission: Admission) -> Step:
        """The record of a port that may be used."""
        entry = self._about(admission.command) | {"decision": admission.decision.effect.value}
        entry |= {"rule": admission.decision.rule, "policy": admission.decision.policy_version}
        if admission.approval is not None:
            entry["approval"] = {"id": admission.approval.id, "by": admission.approval.by}
        return Record(Entry("command", entry))

    def refused(self, refusal: Refusal) -> Step:
        """The record of one that may not."""
        entry = self._about(refusal.command) | {"decision": "deny", "code": refusal.code, "reason": refusal.message}
        entry |= {"rule": refusal.decision.rule, "policy": refusal.decision.policy_version}
        entry["approval"] = {"id": refusal.approval_id} if refusal.approval_id else None
        return Record(Entry("refused", entry))

    def _about(self, command: Command) -> dict[str, object]:
        about: dict[str, object] = {"channel": self._channel, "command": self._channel, "action": command.action}
        return about | {"text": command.text, "operation": 0}

    def connection(self, port: int, request: str = "") -> Connection:
        """A new one."""
        self._connections += 1
        return Connection(self._connections, port, request)

    def passed(self, connection: Connection, way: Way, data: bytes) -> list[Step]:
        """Bytes of it: counted, and recorded where the rule says so."""
        connection.sizes[way] += len(data)
        self._sizes[way] += len(data)
        if not self.content or not data:
            return []
        kind, stream = _KINDS[way]
        entry = stream_entry(kind, self._channel, stream, data)
        return [Record(Entry(kind, {**entry.data, "operation": connection.number}))]

    def ended(self, connection: Connection) -> list[Step]:
        """The record of a connection that is over, once."""
        if connection.over:
            return []
        connection.over = True
        told: dict[str, object] = {"channel": self._channel, "command": self._channel, "operation": connection.number}
        told["destination"] = f"{self._pod}:{connection.port}"
        told |= {"to_target": connection.sizes["to_target"], "to_client": connection.sizes["to_client"]}
        return [Record(Entry("outcome", told | {"error": connection.failed} if connection.failed else told))]

    def totals(self) -> dict[str, object]:
        """For the outcome of the whole."""
        told: dict[str, object] = {"channel": self._channel, "connections": self._connections}
        told |= {"to_target": self._sizes["to_target"], "to_client": self._sizes["to_client"]}
        return told | {"bytes": self._sizes["to_client"], "masked": 0}
