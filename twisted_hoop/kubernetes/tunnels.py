"""Who reads an upgraded connection of a Kubernetes target: exec, attach, port-forward, proxy; None for all else. Pure.

A subprotocol is one that the client offered (K3) and that is read here; what nobody reads does not pass.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted_hoop.http.bodies import Bodies
from twisted_hoop.http.dialect import Reading, Tunnel
from twisted_hoop.http.messages import RequestHead, ResponseHead
from twisted_hoop.http.websocket import chosen_protocol, websocket_tunnel
from twisted_hoop.kubernetes import spdy_streams, websocket
from twisted_hoop.kubernetes.copies import copy_of
from twisted_hoop.kubernetes.execs import ExecTunnel
from twisted_hoop.kubernetes.forwarded import Forwarded
from twisted_hoop.kubernetes.forwards import ForwardTunnel
from twisted_hoop.kubernetes.lines import judge_of
from twisted_hoop.kubernetes.parts import Codec
from twisted_hoop.kubernetes.pipes import BarePipe, Pipe, WebSocketPipe
from twisted_hoop.kubernetes.ports import PROTOCOL, PortsTunnel, ports_of
from twisted_hoop.kubernetes.requests import KubeRequest
from twisted_hoop.kubernetes.spdy_streams import SpdyCodec
from twisted_hoop.kubernetes.streams import Streams
from twisted_hoop.kubernetes.websocket import ChannelCodec
from twisted_hoop.masking.masker import MaskSet
from twisted_hoop.model import Decision, Facts
from twisted_hoop.settings import MaskSection
from twisted_hoop.shell.reader import ShellReader

FORWARD = b"portforward.k8s.io"
FORWARD_IN_WEBSOCKET = b"SPDY/3.1+portforward.k8s.io"
_REMEMBERED = 64


class Tunnels:
    """See the module. `key` is the gateway's masking key."""

    def __init__(self, key: bytes, shell: ShellReader) -> None:
        self._shell = shell
        self._key = key
        self._bodies = Bodies(key)
        self._sets: dict[tuple[int, ...], tuple[tuple[MaskSection, ...], MaskSet]] = {}

    def open_tunnel(
        self,
        request: KubeRequest,
        head: RequestHead,
        reading: Reading,
        response: ResponseHead,
        decision: Decision,
        masks: Sequence[MaskSection],
        number: int,
    ) -> Tunnel | None:
        """The tunnel of a request that was admitted and answered with 101. `number` is its channel."""
        if request.subresource == "proxy":
            return self._proxy(request, head, response, decision, masks, number)
        name = b"sec-websocket-protocol" if head.upgrade == b"websocket" else b"x-stream-protocol-version"
        chosen = chosen_protocol(head, response, name)
        if chosen is None or request.resource != "pods" or request.group:
            return None
        if request.subresource == "portforward":
            return _forward(request, head, reading, decision, number, chosen)
        if request.subresource not in ("exec", "attach"):
            return None
        codec = _codec(head, chosen)
        return None if codec is None else self._command(request, reading.facts[0], decision, masks, number, codec)

    def _proxy(
        self,
        request: KubeRequest,
        head: RequestHead,
        response: ResponseHead,
        decision: Decision,
        masks: Sequence[MaskSection],
        number: int,
    ) -> Tunnel | None:
        """A WebSocket of a program in a pod, or behind a service. Those of nodes run commands on the kubelet (K5)."""
        if head.upgrade != b"websocket" or request.group or request.resource not in ("pods", "services"):
            return None
        return websocket_tunnel(self._bodies, head, response, decision, masks, number)

    def _command(
        self,
        request: KubeRequest,
        place: Facts,
        decision: Decision,
        masks: Sequence[MaskSection],
        number: int,
        codec: Codec,
    ) -> Tunnel:
        terminal = _is_set(request, "tty")
        copy = copy_of(request.values("command")) if request.subresource == "exec" and not terminal else None
        made = self._made(masks)
        reads, writes = copy is not None and copy.stream == "stdout", copy is not None and copy.stream == "stdin"
        streams = Streams(
            number,
            lambda: made.stream_masker(made.names),
            made.stream_looker(made.names),
            output=decision.content or not reads,
            inputs=decision.content or not (terminal or writes),
            files=frozenset({copy.stream}) if copy is not None else frozenset(),
        )
        about = copy.told() if copy is not None else None
        judge = judge_of(request, place, self._shell, number, terminal, made.for_recording)
        return ExecTunnel(number, codec, streams, terminal, about, judge)

    def _made(self, masks: Sequence[MaskSection]) -> MaskSet:
        """The set of exactly these sections; they are kept, so that their identities stay theirs."""
        key = tuple(map(id, masks))
        found = self._sets.get(key)
        if found is None:
            if len(self._sets) >= _REMEMBERED:
                self._sets.clear()
            found = self._sets[key] = (tuple(masks), MaskSet(masks, self._key))
        return found[1]


def _codec(head: RequestHead, chosen: bytes) -> Codec | None:
    if head.upgrade == b"websocket":
        return ChannelCodec(chosen) if chosen in websocket.PROTOCOLS else None
    return SpdyCodec() if chosen in spdy_streams.PROTOCOLS else None


def _forward(
    request: KubeRequest, head: RequestHead, reading: Reading, decision: Decision, number: int, chosen: bytes
) -> Tunnel | None:
    facts = reading.facts[0]
    ports = ports_of(request.values("ports"))
    forwarded = Forwarded(number, request.name, facts, decision.content)
    if head.upgrade == b"websocket" and chosen == PROTOCOL and ports:
        return PortsTunnel(ports, forwarded)
    pipe: Pipe | None = None
    if head.upgrade == b"spdy/3.1" and chosen == FORWARD:
        pipe = BarePipe()
    elif head.upgrade == b"websocket" and chosen == FORWARD_IN_WEBSOCKET:
        pipe = WebSocketPipe()
    return None if pipe is None else ForwardTunnel(pipe, forwarded)


def _is_set(request: KubeRequest, name: str) -> bool:
    values = request.values(name)
    return bool(values) and values[0] != "0" and values[0].lower() != "false"
