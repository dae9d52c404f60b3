"""One SSH target as the gateway offers it: its door, the accounts and names it has, and what is hidden there."""

from __future__ import annotations

from collections.abc import Sequence

from twisted_hoop.masking.masker import MaskSet
from twisted_hoop.policy.patterns import Patterns
from twisted_hoop.settings import MaskSection, TargetSection
from twisted_hoop.shell.reader import ShellReader
from twisted_hoop.ssh.limits import Limits
from twisted_hoop.ssh.target import SshDoor
from twisted_hoop.targets import target_of_section
from twisted_hoop.transport.connect import TcpPlace
from twisted_hoop.transport.names import client_place

SSH_PORT = 22
INNER_PACKET = 32 * 1024 - 512
"""Channel data in one message of a connection behind a jump, and of what a target sends: with what the inner packet
adds it still fits one message of the outer connection, so that none is cut in two."""
TARGET_LIMITS = Limits(packet=INNER_PACKET)


class SshHall:
    """See the module. `masks` are those of this target, `key` is the gateway's masking key."""

    def __init__(
        self, section: TargetSection, door: SshDoor, shell: ShellReader, masks: Sequence[MaskSection], key: bytes
    ) -> None:
        self.section = section
        self.door = door
        self.shell = shell
        self.masks = MaskSet(masks, key)
        self.target = target_of_section(section)
        self.env = Patterns(section.env).matches
        self._sections = tuple(masks)
        self._names = Patterns(section.names)
        self._port = _port_of(section.endpoint)

    def same(self, section: TargetSection, masks: Sequence[MaskSection]) -> bool:
        """Whether a reload leaves this target as it is."""
        return section == self.section and tuple(masks) == self._sections

    def answers_to(self, host: str, port: int) -> bool:
        """Whether a client that typed this behind `ssh -J` means this target: its name, or one of `names`.

        The port is SSH's, or that of the target's endpoint. Nothing is looked up, and nothing else is ever dialled.
        """
        if port not in (SSH_PORT, self._port):
            return False
        plain = host.lower().removesuffix(".")
        return plain == self.section.name or self._names.matches(plain)


def _port_of(endpoint: str) -> int:
    """The port of the endpoint; 22 where it has none."""
    place = client_place(endpoint)
    return place.where.port if place is not None and isinstance(place.where, TcpPlace) else SSH_PORT
