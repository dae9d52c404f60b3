"""Where other replicas ask: who is let in, at which address, and what is swept away."""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from zope.interface.verify import verifyObject

from tests.support.agents import PEER, signed
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from tests.support.peers import Pair, two_replicas
from twisted_hoop.agent.peer_listening import PeerDoor, PeerListening, _tcp_address
from twisted_hoop.agent.peers import Peers
from twisted_hoop.errors import AuthenticationFailed, ConfigurationError
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key
from twisted_hoop.interfaces import IAgentDoor
from twisted_hoop.model import AgentCredential, AgentReport
from twisted_hoop.settings import GatewaySection
from twisted_hoop.transport.connect import Unreachable


@pytest.fixture
def pair(loop: Loop, store_url: str, tmp_path: Path) -> Iterator[Pair]:
    with two_replicas(loop, store_url, tmp_path) as found:
        yield found


def shown(key: PrivateKey, data: bytes = b"the session") -> AgentCredential:
    return AgentCredential("", key.public.blob, b"ssh-ed25519", key.sign(data), data)


def test_who_is_a_replica(pair: Pair) -> None:
    door = PeerDoor(pair.one.house.registry)
    assert verifyObject(IAgentDoor, door)
    identity = pair.loop.run(lambda: door.authenticate("replica-b", shown(pair.two.key), PEER))
    assert (identity.ident, identity.proof) == ("replica-b", "replica") and door.still_valid(identity)
    door.connected(identity, AgentReport("c", "a"))
    door.heartbeat(identity, AgentReport("c", "a"))
    door.disconnected(identity, AgentReport("c", "a"))
    for refusal in (
        lambda: door.authenticate("replica-b", shown(new_private_key()), PEER),
        lambda: door.authenticate("replica-a", shown(pair.one.key), PEER),  # oneself
        lambda: door.authenticate("replica-c", shown(pair.two.key), PEER),
        lambda: door.authenticate("replica-b", AgentCredential("hoop_join_x"), PEER),
        lambda: door.authenticate("replica-b", shown(pair.two.key).__class__("", b"x"), PEER),
        lambda: door.renew(identity, pair.two.key.public.line),
    ):
        with pytest.raises(AuthenticationFailed):
            pair.loop.run(refusal)
    key, certificate = pair.one.house.enrolled()
    with pytest.raises(AuthenticationFailed, match="replicas show their key"):
        pair.loop.run(lambda: door.authenticate("replica-b", signed(key, certificate), PEER))
    pair.two.lives(peer_key=new_private_key().public.line)
    pair.one.house.look()
    assert not door.still_valid(identity)


def test_one_that_came_a_moment_ago_is_known(pair: Pair) -> None:
    """The store is asked before anybody is refused for having no lease."""
    key = new_private_key()
    pair.two.lives()
    registry = pair.one.house.registry
    registry._seen = type(registry._seen)(frozenset(), (), ())
    registry._looked_at = -1.0
    door = PeerDoor(pair.one.house.registry)
    assert pair.loop.run(lambda: door.authenticate("replica-b", shown(pair.two.key), PEER)).ident == "replica-b"
    with pytest.raises(AuthenticationFailed):
        pair.loop.run(lambda: door.authenticate("replica-z", shown(key), PEER))


def test_the_socket_is_ours_alone_and_goes_at_the_end(pair: Pair, tmp_path: Path) -> None:
    path = Path(pair.one.listening.address.removeprefix("unix:"))
    assert path.parent == tmp_path / "peers" and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    pair.loop.run(pair.one.listening.stop)
    assert not path.exists() and pair.one.listening.address == ""


def test_sockets_of_the_dead_are_swept_away(pair: Pair, tmp_path: Path) -> None:
    dead = tmp_path / "peers" / "dead.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(dead))
    house = pair.one.house
    more = PeerListening(pair.loop.reactor, house.registry, pair.one.hub, new_private_key(), "replica-x", tmp_path)
    pair.loop.run(lambda: more.listen(GatewaySection()))
    assert sorted(path.name for path in dead.parent.iterdir()) == ["replica-a.sock", "replica-b.sock", "replica-x.sock"]
    pair.loop.run(more.stop)


def test_a_folder_with_a_long_name_is_no_obstacle(loop: Loop, store_url: str, tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir(mode=0o700)
    with two_replicas(loop, store_url, folder) as pair:
        client = pair.two.connect(pair.echo)
        made = Path(pair.one.listening.address.removeprefix("unix:")).parent
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        pair.loop.run(lambda: client.transport.loseConnection())
    assert not made.exists()


def test_over_tcp_for_other_machines(loop: Loop, store_url: str, tmp_path: Path) -> None:
    with two_replicas(loop, store_url, tmp_path, {"peers": "tcp:0:interface=127.0.0.1"}) as pair:
        assert pair.one.listening.address.startswith("tcp:127.0.0.1:")
        client = pair.two.connect(pair.echo)
        pair.loop.run(lambda: client.transport.write(b"hello"))
        wait_for(lambda: bytes(client.data) == b"hello", "the echo")


@pytest.mark.parametrize(
    ("gateway", "worker", "address"),
    [
        ({"peers": "tcp:7081:interface=10.0.0.5"}, 0, "tcp:10.0.0.5:7081"),
        ({"peers": "tcp:7081:interface=10.0.0.5"}, 2, "tcp:10.0.0.5:7083"),
        ({"peers": "tcp:7081:interface=2001\\:db8\\:\\:5"}, 0, "tcp:2001\\:db8\\:\\:5:7081"),
        ({"peers": "tcp:7081", "peers_address": "hoop-1.internal:17081"}, 1, "tcp:hoop-1.internal:17082"),
        ({"peers": "tcp:7081", "peers_address": "[2001:db8::5]:7081"}, 0, "tcp:2001\\:db8\\:\\:5:7081"),
    ],
)
def test_what_others_are_told(gateway: dict[str, str], worker: int, address: str) -> None:
    assert _tcp_address(GatewaySection.model_validate(gateway), 7081 + worker, worker) == address


def test_an_address_that_is_taken_is_told_of(pair: Pair, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        house = pair.one.house
        more = PeerListening(pair.loop.reactor, house.registry, pair.one.hub, new_private_key(), "x", tmp_path)
        gateway = GatewaySection(peers=f"tcp:{port}:interface=127.0.0.1")
        with pytest.raises(ConfigurationError, match=r"gateway\.peers: cannot listen"):
            pair.loop.run(lambda: more.listen(gateway))


def test_S17_who_answers_with_another_key_gets_nothing(pair: Pair) -> None:
    """A socket in a replica's place, with a key of its own: no stream is asked for there."""
    pair.one.lives(peer_key=new_private_key().public.line)
    pair.two.house.look()
    with pytest.raises(Unreachable, match="it has another key"):
        pair.two.connect(pair.echo)
    assert pair.agent.asked == []


def test_S5_who_asks_with_another_key_gets_nothing(pair: Pair) -> None:
    """Somebody who knows a replica's id, and has not its key."""
    impostor = Peers(pair.loop.reactor, pair.two.house.registry, "replica-b", new_private_key())
    pair.two.hub.elsewhere = impostor
    with pytest.raises(Unreachable, match="cannot be reached"):
        pair.two.connect(pair.echo)
    assert pair.agent.asked == []
    pair.loop.run(impostor.stop)
