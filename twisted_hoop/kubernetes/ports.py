"""Port-forward with the ports in the query (`?ports=8080`), as the Python client does it, as a Tunnel. Pure.

Channel 2n of the WebSocket is the data of the n-th port, 2n+1 its errors; the first message of the target on each is
the port's number in two bytes, little endian. The ports are judged with the request, as they stand in it. Source:
k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.frames import BINARY, CLOSE, NORMAL, Frames, Piece, close_frame, frame
from twisted_hoop.kubernetes.forwarded import Forwarded
from twisted_hoop.kubernetes.requests import KubeRequest
from twisted_hoop.model import Facts, Verdict
from twisted_hoop.steps import Side, Step, ToClient, ToTarget

PROTOCOL = b"v4.channel.k8s.io"
MOST_PORTS = 64


def facts_of_ports(facts: Facts, request: KubeRequest) -> tuple[Facts, ...]:
    """What a port-forward does: one element for each port that stands in its query; without one it is `facts` alone,
    and each port is asked about when it is opened.
    """
    ports = ports_of(request.values("ports"))
    return tuple({**facts, "destination": frozenset({f"{request.name}:{port}"})} for port in ports) or (facts,)


def ports_of(values: Sequence[str]) -> tuple[int, ...]:
    """The ports of a query: `ports=80&ports=81` or `ports=80,81`. Raises ProtocolError."""
    words = [word for value in values for word in value.split(",")]
    ports = tuple(int(word) for word in words if word.isascii() and word.isdigit() and len(word) <= 5)
    if len(ports) != len(words) or len(ports) > MOST_PORTS or any(not 0 < port < 65536 for port in ports):
        raise ProtocolError("the ports of a port-forward are malformed")
    return ports


class PortsTunnel:
    """See the module and Tunnel."""

    def __init__(self, ports: Sequence[int], forwarded: Forwarded) -> None:
        self._forwarded = forwarded
        self._connections = [forwarded.connection(port) for port in ports]
        self._frames: dict[Side, Frames] = {"client": Frames("client"), "target": Frames("target")}
        self._channel: dict[Side, int] = {"client": -1, "target": -1}
        self._announced: dict[int, bytes] = {}

    def begin(self) -> list[Step]:
        """See Tunnel."""
        return []

    def held_back(self) -> int:
        """See Tunnel."""
        return 0

    def client_received(self, data: bytes) -> list[Step]:
        """See Tunnel."""
        return [step for piece in self._frames["client"].feed(data) for step in self._passed("client", piece)]

    def target_received(self, data: bytes) -> list[Step]:
        """See Tunnel."""
        return [step for piece in self._frames["target"].feed(data) for step in self._passed("target", piece)]

    def _passed(self, side: Side, piece: Piece) -> list[Step]:
        to: Side = "target" if side == "client" else "client"
        on = ToTarget if side == "client" else ToClient
        if piece.opcode >= CLOSE:
            return [on(frame(to, piece.opcode, piece.data))]
        data = piece.data
        if piece.first:
            self._channel[side] = -1
        if self._channel[side] < 0:
            if not data:
                return []
            self._channel[side], data = data[0], data[1:]
        records = self._counted(side, self._channel[side], data)
        return [*records, on(frame(to, BINARY, bytes((self._channel[side],)) + data))]

    def _counted(self, side: Side, channel: int, data: bytes) -> list[Step]:
        number, errors = divmod(channel, 2)
        if number >= len(self._connections) or (errors and side == "client"):
            raise ProtocolError(f"a message on channel {channel}, which is not for this side", side, "400")
        connection = self._connections[number]
        way: Literal["to_target", "to_client"] = "to_target"
        if side == "target":
            way, data = "to_client", self._behind_port(channel, connection.port, data)
        if errors:
            connection.failed = (connection.failed + data.decode("utf-8", "replace"))[:1000]
            return []
        return self._forwarded.passed(connection, way, data)

    def _behind_port(self, channel: int, port: int, data: bytes) -> bytes:
        """What follows the port's number, which must be the one that was asked for."""
        seen = self._announced.get(channel, b"")
        missing = 2 - len(seen)
        if missing <= 0:
            return data
        seen = self._announced[channel] = seen + data[:missing]
        if len(seen) == 2 and int.from_bytes(seen, "little") != port:
            raise ProtocolError("the target opened another port than was asked for", "target", "400")
        return data[missing:]

    # -- the rest of Tunnel ---------------------------------------------------------------------------------------

    def decided(self, verdict: Verdict) -> list[Step]:
        """See Tunnel: nothing is asked."""
        return []

    def tick(self) -> list[Step]:
        """See Tunnel."""
        return []

    def ended(self, message: str) -> list[Step]:
        """See Tunnel: the reason is an error of each port."""
        told: list[Step] = []
        for number in range(len(self._connections)):
            if len(self._announced.get(2 * number + 1, b"")) == 2:
                told.append(ToClient(frame("client", BINARY, bytes((2 * number + 1,)) + message.encode())))
        return [*self.lost(), *told, ToClient(close_frame("client", NORMAL))]

    def over(self) -> bool:
        """See Tunnel."""
        return any(frames.ended for frames in self._frames.values())

    def cut(self, message: str) -> list[Step]:
        """See Tunnel."""
        return self.ended(message)

    def lost(self) -> list[Step]:
        """See Tunnel."""
        return [step for connection in self._connections for step in self._forwarded.ended(connection)]

    def outcome(self) -> Mapping[str, object]:
        """See Tunnel."""
        return self._forwarded.totals()
