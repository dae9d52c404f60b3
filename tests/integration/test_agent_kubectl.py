"""kubectl through live agents: at the replica they are connected to, and at another one that reaches them by it.

The tests of streams are those of `test_kubectl_streams`, word for word; here stands what agents add: two of one name
share the load, and one that dies takes its own sessions with it and nobody else's.
"""

from __future__ import annotations

import contextlib
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from tests.integration import test_kubectl_streams as streams
from tests.support.gateway import Gateway, running_gateway, wait_for
from tests.support.kube.cluster import api_server
from tests.support.kube.place import KubePlace, plan_of
from tests.support.kube.samples import config_map
from tests.support.live_agent import LISTENER, LiveAgent, start_agent
from tests.support.postgres import Server

test_watch = streams.test_a_watch_tells_what_changes
test_wait = streams.test_wait_sees_a_change_that_comes
test_logs = streams.test_logs_are_followed
test_status = streams.test_exec_has_output_errors_and_a_status
test_input = streams.test_exec_takes_input_to_its_end
test_masks = streams.test_numbers_of_cards_are_hidden_in_output_and_logs
test_terminal = streams.test_exec_has_a_terminal_with_a_size
test_attach = streams.test_attach_sees_what_the_pod_says
test_cp = streams.test_cp_there_and_back
test_port_forward = streams.test_port_forward
place, port = streams.place, streams.port


@dataclass
class House:
    """Two replicas, two agents of one name at the first of them, a cluster that only they reach."""

    here: KubePlace
    there: KubePlace
    agents: list[LiveAgent]

    def end(self) -> None:
        """Of the agents."""
        for each in self.agents:
            each.kill()

    def anew(self) -> None:
        """Without a stream, also without those that pools keep: the next ones are shared evenly."""
        self.end()
        wait_for(lambda: not self.links(), "the end of both")
        for agent in self.agents:
            agent.again()
        wait_for(lambda: len(self.links()) == 2, "both agents")

    def links(self) -> list[dict[str, Any]]:
        """The agents' connections, as the first replica knows them."""
        found = self.here.gateway.api("GET", "/v1/agents", "olga").json["agents"]
        return [link for each in found for link in each["connections"]]


@pytest.fixture(scope="module")
def house(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("kube-agents")
    name = f"store_{secrets.token_hex(4)}"
    postgres.create_database(name)
    where = f"{postgres.user}:{postgres.password}@{postgres.host}:{postgres.port}"
    keys = "".join(
        f'{n} = "{folder}/one/gateway/state/ssh_{n}"\n' for n in ("user_ca", "host_ca", "host_key", "agent_ca")
    )
    shared = f'[store]\nurl = "postgresql://{where}/{name}"\n'
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(api_server(folder / "cluster"))
        places = []
        for each, more in (("one", ""), ("two", f"[ssh]\n{keys}")):
            listener = LISTENER.format(folder=folder / each / "gateway", interface="127.0.0.1")
            plan = plan_of(folder / each, cluster, shared + more + listener, "agent:office:")
            plan = replace(plan, gateway='agent_heartbeat = "1s"')
            gateway = stack.enter_context(running_gateway(folder / each / "gateway", plan))
            places.append(KubePlace(folder / each, gateway, cluster, plan))
        made = House(places[0], places[1], [])
        for number in range(2):
            agent = start_agent(folder / f"agent-{number}", places[0].gateway, [("127.0.0.1", cluster.port)])
            made.agents.append(agent.wait())
        stack.callback(made.end)
        wait_for(lambda: len(made.links()) == 2, "both agents")
        yield made


@pytest.fixture(scope="module", params=["here", "there"])
def kubernetes(request: pytest.FixtureRequest, house: House) -> KubePlace:
    """In the place of the one for all: at the replica with the agents, then at the other."""
    found: KubePlace = house.here if request.param == "here" else house.there
    wait_for(lambda: found.kubectl("version").status == 0, "the other replica knows of the agents")
    return found


@contextlib.contextmanager
def talking(place: KubePlace, mark: str) -> Iterator[subprocess.Popen[bytes]]:
    """`kubectl exec -i box -- cat`, of which a line came back."""
    with place.running("exec", "-i", "box", "--", "sh", "-c", f"echo {mark}; exec cat", who="ann") as process:
        streams.until(process, mark)
        yield process


def lives(process: subprocess.Popen[bytes], text: str) -> bool:
    """Whether it says back what it is told; otherwise it ends."""
    out = process.stdout
    assert process.stdin is not None and out is not None
    with contextlib.suppress(OSError):
        process.stdin.write(text.encode() + b"\n")
        process.stdin.flush()
    got = b""

    def settled() -> bool:
        nonlocal got
        got += out.read() or b""  # it does not block, since `until`
        return text.encode() in got or process.poll() is not None

    wait_for(settled, "its answer, or its end")
    return text.encode() in got


def told_of(gateway: Gateway, mark: str) -> dict[str, Any]:
    """The outcome of the command whose line has that mark; {} while there is none."""
    for each in gateway.library.list(limit=500):
        entries = list(gateway.library.read(each.id))
        command = next((e for e in entries if e["kind"] == "command" and mark in e["text"]), None)
        if command is not None:
            return next((e for e in entries if e["kind"] == "outcome" and e["command"] == command["command"]), {})
    return {}


def test_two_agents_share_the_load_and_one_that_dies_takes_its_own_along(place: KubePlace, house: House) -> None:
    """Clients are told in words, the recording says why, all else goes on, and the agent may come back."""
    marks = [f"mark-{secrets.token_hex(4)}" for _ in range(6)]
    house.anew()
    with contextlib.ExitStack() as stack:
        running = {mark: stack.enter_context(talking(place, mark)) for mark in marks}
        wait_for(lambda: all(link["streams"] >= 2 for link in house.links()), "a share for each")
        house.agents[0].kill()
        wait_for(lambda: any(each.poll() is not None for each in running.values()), "the end of some")
        left = {mark for mark, each in running.items() if lives(each, "still-here")}
        assert 0 < len(left) < len(marks)
        for mark in left:
            assert not told_of(place.gateway, mark)
        for mark in set(marks) - left:
            error = running[mark].stderr
            assert error is not None and b"error: hoop: the target is gone" in error.read()
            outcome = wait_for(partial(told_of, place.gateway, mark), "its outcome")
            assert outcome["error"] == "the target is gone" and outcome["stdout"] == len(mark) + 1
        assert "box" in place.kubectl("get", "pods").well()
    house.agents[0].again()
    wait_for(lambda: len(house.links()) == 2, "both agents")


def test_a_watch_ends_with_its_agent_and_begins_again(place: KubePlace, house: House) -> None:
    """No agent is left: the watch ends, what is asked meanwhile is told why, and it all works again by itself."""
    place.apply(config_map("watched", a="1"))
    watching = ("get", "cm", "watched", "-w", "-o", "jsonpath={.data.a}{'\\n'}")
    with place.running(*watching) as process:
        streams.until(process, "1\n")
        for agent in house.agents:
            agent.kill()
        wait_for(lambda: process.poll() is not None, "the end of the watch")
    wait_for(lambda: not house.links(), "the end of both")
    assert "hoop: the target cannot be reached: agent office" in place.kubectl("get", "pods").failed()
    for agent in house.agents:
        agent.again()
    wait_for(lambda: place.kubectl("get", "cm", "watched").status == 0, "the way is there again")
    with place.running(*watching) as process:
        streams.until(process, "1\n")
        place.kubectl("patch", "cm", "watched", "--type=merge", "-p", '{"data":{"a":"second"}}').well()
        streams.until(process, "second\n")
