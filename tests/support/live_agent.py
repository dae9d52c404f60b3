"""A real agent for tests: `twistd -n hoop-agent` as a process of its own, joined to a live gateway with a real token.

plan = Plan(LISTENER.format(folder=folder / "gateway") + …)     # [[agents]] and a listener for them
agent = start_agent(folder / "agent", gateway, allow=[("127.0.0.1", port)])
agent.wait()                                # until the gateway has it
agent.stop(); agent.kill()
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.gateway import Gateway, Running, wait_for

_REPOSITORY = Path(__file__).parent.parent.parent
LISTENER = """\
[[listeners]]
name = "agents"
protocol = "agent"
endpoint = "tcp:0:interface={interface}"
certificate = "{folder}/tls/localhost.pem"
key = "{folder}/tls/localhost.key"
[[agents]]
name = "office"
[[agents]]
name = "lab"
"""
"""Two agents that may join by token, and where they dial in; `folder` is the gateway's, `interface` a loopback address.
"""


@dataclass
class LiveAgent(Running):
    """A running agent."""

    name: str
    folder: Path
    gateway: Gateway
    process: subprocess.Popen[bytes]

    def wait(self) -> LiveAgent:
        """Until the gateway has it, from its own log."""
        wait_for(lambda: "is connected" in self.log(), f"agent {self.name}: {self.log()[-2000:]}", self.process)
        return self

    def again(self) -> LiveAgent:
        """The same installation, started once more after it ended: another process, for all who have this agent."""
        options = ["--config", str(self.folder / "agent.toml")]
        self.process = run_agent(self.folder, self.gateway, self.name, options, {}).process
        return self

    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "log").read_text(errors="replace")

    def logged(self, text: str) -> None:
        """Wait until it wrote that."""
        wait_for(lambda: text in self.log(), text, self.process)


def join_token(gateway: Gateway, name: str) -> str:
    """A one-time token for an agent, from the API."""
    answer = gateway.api("POST", "/v1/agents/tokens", "olga", {"name": name})
    assert answer.status == 201, answer.body
    return str(answer.json["token"])


def configuration(folder: Path, gateway: Gateway, name: str, allow: Sequence[tuple[str, Any]], **more: Any) -> str:
    """An agent's file; `allow` are hosts with ports, or `("unix", path)`."""
    port = gateway.ports["agents"]
    given: dict[str, Any] = {
        "name": name,
        "gateway": f"tls://{more.pop('host', 'localhost')}:{port}",
        "state": str(folder / "state"),
        "join_token": f"file:{folder}/join-token",
        "ca": str(gateway.ca),
        "heartbeat": "1s",
        "dead": "20s",
        "longest_wait": "0.3s",
        "stop_timeout": "5s",
    }
    own = "".join(f"{key} = {json.dumps(value)}\n" for key, value in (given | more).items())
    listed = "".join(
        f'[[allow]]\nunix = "{what}"\n'
        if host == "unix"
        else f'[[allow]]\nhost = "{host}"\nports = [{json.dumps(what)}]\n'
        for host, what in allow
    )
    return f"[agent]\n{own}{listed}"


def start_agent(
    folder: Path,
    gateway: Gateway,
    allow: Sequence[tuple[str, Any]],
    name: str = "office",
    environ: Mapping[str, str] | None = None,
    before: Sequence[str] = (),
    **more: Any,
) -> LiveAgent:
    """Start one. `before` is a command that runs it, `more` further keys of [agent]."""
    folder.mkdir(parents=True, exist_ok=True)
    token = folder / "join-token"
    token.touch(mode=0o600)
    token.write_text(join_token(gateway, name))
    (folder / "agent.toml").write_text(configuration(folder, gateway, name, allow, **more))
    return run_agent(folder, gateway, name, ["--config", str(folder / "agent.toml")], environ or {}, before)


def run_agent(
    folder: Path,
    gateway: Gateway,
    name: str,
    options: Sequence[str],
    environ: Mapping[str, str],
    before: Sequence[str] = (),
) -> LiveAgent:
    """Run `twistd hoop-agent` with these options."""
    folder.mkdir(parents=True, exist_ok=True)
    given = {**os.environ, "PYTHONPATH": str(_REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1", **environ}
    twistd = str(Path(sys.executable).parent / "twistd")
    command = [*before, sys.executable, twistd, "-n", "--pidfile=", "hoop-agent", *options]
    with (folder / "log").open("ab") as out:
        process = subprocess.Popen(command, env=given, cwd=folder, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    return LiveAgent(name, folder, gateway, process)
