"""What a client asks for before the one command of its channel: terminal, environment, display, agent. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from twisted_hoop.ssh.events import Request
from twisted_hoop.ssh.requests import Size, Terminal, env_request, shown

REASON, OUTPUT = b"HOOP_REASON", b"HOOP_OUTPUT"
"""Variables meant for the gateway: why, and in which form refusals are told. They never reach a target."""
MOST_VARIABLES = 128
MOST_BYTES = 64 * 1024


@dataclass(slots=True)
class Setup:
    """See the module. `allowed` tells the names of variables that reach the target (S18)."""

    allowed: Callable[[str], bool]
    terminal: Terminal | None = None
    variables: dict[bytes, bytes] = field(default_factory=dict)
    display: Request | None = None
    agent: Request | None = None
    reason: str = ""
    as_json: bool = False
    size: int = 0

    def variable(self, name: bytes, value: bytes) -> bool:
        """Take a variable, for the target or for us: False when it reaches neither."""
        if name == REASON:
            self.reason = shown(value)[:1000]
            return True
        if name == OUTPUT:
            self.as_json = value == b"json"
            return True
        # S18: what a login shell or the dynamic linker would act on is let through by name only.
        if not name.isascii() or not self.allowed(name.decode()):
            return False
        self.size += len(name) + len(value)
        if len(self.variables) >= MOST_VARIABLES or self.size > MOST_BYTES:
            return False
        self.variables[name] = value
        return True

    def resize(self, size: Size) -> None:
        """The window changed before anything runs in it."""
        if self.terminal is not None:
            self.terminal = self.terminal.resized(size)

    def requests(self) -> list[Request]:
        """What goes to the target in front of the command."""
        found = [] if self.terminal is None else [self.terminal.request()]
        found += [request for request in (self.display, self.agent) if request is not None]
        return found + [env_request(name, value) for name, value in self.variables.items()]

    def context(self) -> tuple[tuple[str, str], ...]:
        """What may change the meaning of the command: part of what is approved (P18's kind)."""
        terminal = () if self.terminal is None else (("terminal", shown(self.terminal.term)),)
        return terminal + tuple((f"env {shown(n)}", shown(v)) for n, v in sorted(self.variables.items()))

    def entry(self) -> dict[str, object]:
        """The same as a command's entry has it, with the terminal's size."""
        found: dict[str, object] = {}
        if self.terminal is not None:
            size = self.terminal.size
            found["terminal"] = {"term": shown(self.terminal.term), "columns": size.columns, "rows": size.rows}
        if self.variables:
            found["env"] = {shown(name): shown(value) for name, value in self.variables.items()}
        return found
