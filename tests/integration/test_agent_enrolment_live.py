"""How an agent comes, goes on and goes: a live gateway, live agent processes, real ssh in the hands of a thief."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import ISSUER, Gateway, Plan, running_gateway, token_of, wait_for
from tests.support.live_agent import LISTENER, configuration, run_agent, start_agent
from tests.support.sections import listener, ssh_target
from tests.support.sshd import make_key

POD = "system:serviceaccount:hoop:agent"
_MORE = """
[[agents]]
name = "pods"
join_tokens = false
issuer = "corp"
subjects = ["{pod}"]
[[agents]]
name = "short"
certificate_lifetime = "60s"
[[rules]]
name = "all"
effect = "allow"
classes = [".*"]
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One, with three agents that may join by token and one that is a workload."""
    folder = tmp_path_factory.mktemp("enrolment")
    host_key = make_key(folder / "host").with_suffix(".pub").read_text().strip()
    text = LISTENER.format(folder=folder / "gateway", interface="127.0.0.1")
    text += listener("ssh", "ssh")
    text += ssh_target("agent:office:tcp:127.0.0.1:22", [host_key], "deploy", 'login_with = "certificate"')
    with running_gateway(folder / "gateway", Plan(text + _MORE.format(pod=POD))) as running:
        yield running


def agents(gateway: Gateway, name: str) -> list[dict[str, Any]]:
    found = gateway.api("GET", "/v1/agents", "olga").json["agents"]
    return [each for each in found if each["name"] == name]


def connections(gateway: Gateway, name: str) -> list[dict[str, Any]]:
    return [link for each in agents(gateway, name) for link in each["connections"]]


def test_it_joins_once_and_comes_back_with_its_certificate(gateway: Gateway, tmp_path: Path) -> None:
    agent = start_agent(tmp_path, gateway, [("127.0.0.1", 1)]).wait()
    [found] = agents(gateway, "office")
    assert found["proof"] == "join-token" and found["fingerprint"].startswith("SHA256:")
    agent.stop()
    wait_for(lambda: not connections(gateway, "office"), "its end")
    again = run_agent(tmp_path, gateway, "office", ["--config", str(tmp_path / "agent.toml")], {})
    wait_for(lambda: connections(gateway, "office"), "it comes back")
    assert [each["ident"] for each in agents(gateway, "office")] == [found["ident"]]
    listed = gateway.command("agents", "list", who="olga").stdout
    assert found["ident"] in listed and "connected" in listed
    done = gateway.command("agents", "revoke", found["ident"], "--reason", "sold", who="olga")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: not connections(gateway, "office"), "its end")
    again.logged("does not accept what this agent shows")
    again.stop()


def test_a_workload_shows_one_token_after_the_other(gateway: Gateway, tmp_path: Path) -> None:
    """And keeps its connection's streams: the second connection is there before the first one goes."""
    token = tmp_path / "token"

    def write(seconds: int) -> None:
        now = int(time.time())
        claims: dict[str, Any] = {"iat": now, "exp": now + seconds, "groups": []}
        draft = tmp_path / "draft"
        draft.write_text(gateway.ring.token(POD, **claims))
        draft.replace(token)

    write(25)
    folder = tmp_path / "agent"
    folder.mkdir()
    text = configuration(folder, gateway, "pods", [("127.0.0.1", 1)], token=f"file:{token}", join_token="")
    (folder / "agent.toml").write_text(text)
    agent = run_agent(folder, gateway, "pods", ["--config", str(folder / "agent.toml")], {})
    agent.wait()
    [found] = agents(gateway, "pods")
    assert (found["proof"], found["by_key"], found["fingerprint"]) == ("jwt", f"{ISSUER}|{POD}", "")
    [first] = connections(gateway, "pods")
    write(600)
    wait_for(lambda: agents(gateway, "pods")[0]["until"] > found["until"] + 300, "the next token")
    wait_for(lambda: [c["connection"] for c in connections(gateway, "pods")] != [first["connection"]], "a new one")
    assert gateway.api("POST", "/v1/locks", "olga", {"kind": "principal", "value": f"{ISSUER}|{POD}"}).status == 201
    wait_for(lambda: not connections(gateway, "pods"), "its end")
    agent.stop()


def test_I8_a_persons_token_is_no_agent_and_an_operators_is_none_either(gateway: Gateway, tmp_path: Path) -> None:
    """I8: whatever else the gateway accepts, at an agent's door it proves nobody whom [[agents]] does not name."""
    for number, token in enumerate((gateway.ring.token("alice", groups=["operators"]), token_of("olga"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "token").write_text(token)
        more = {"token": f"file:{folder}/token", "join_token": ""}
        text = configuration(folder, gateway, "pods", [("127.0.0.1", 1)], **more)
        (folder / "agent.toml").write_text(text)
        agent = run_agent(folder, gateway, "pods", ["--config", str(folder / "agent.toml")], {})
        agent.logged("does not accept what this agent shows")
        agent.stop()


def ssh(gateway: Gateway, folder: Path, listener: str, *options: str) -> subprocess.CompletedProcess[str]:
    """OpenSSH's client at one of the gateway's listeners."""
    usual = [
        *("-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
        *("-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "ConnectTimeout=20", *options),
    ]
    command = ["ssh", *usual, "-p", str(gateway.ports[listener]), "office@127.0.0.1", "true"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def test_S6_a_stolen_certificate_opens_nothing_at_the_listener_for_people(gateway: Gateway, tmp_path: Path) -> None:
    """S6: real ssh with the agent's key and certificate, under names of agents, people and targets."""
    agent = start_agent(tmp_path, gateway, [("127.0.0.1", 1)], "lab").wait()
    text = (tmp_path / "state" / "identity").read_text()
    end = "-----END OPENSSH PRIVATE KEY-----\n"
    pem, _, rest = text.partition(end)
    key, certificate = tmp_path / "key", tmp_path / "key-cert.pub"
    for path, content in ((key, pem + end), (certificate, rest.splitlines()[0] + "\n")):
        path.touch(mode=0o600)
        path.write_text(content)
    before = len(gateway.lines())
    for user in ("lab", "lab%web-1", "deploy%web-1", "olga%web-1"):
        done = ssh(gateway, tmp_path, "ssh", "-i", str(key), "-o", f"CertificateFile={certificate}", "-l", user)
        assert done.returncode == 255 and "Permission denied" in done.stderr, done.stderr
    told = json.dumps(gateway.lines()[before:])
    assert "session opened" not in told
    agent.stop()


def test_R11_no_token_and_no_key_stands_in_a_log(gateway: Gateway, tmp_path: Path) -> None:
    agent = start_agent(tmp_path, gateway, [("127.0.0.1", 1)], "lab").wait()
    token = (tmp_path / "join-token").read_text().strip()
    agent.stop()
    for text in ((gateway.folder / "log").read_text(), agent.log()):
        assert token not in text and "PRIVATE KEY" not in text and token.removeprefix("hoop_join_") not in text
