"""A live gateway between real OpenSSH programs: `ssh` on one side, `sshd` on the other.

with ssh_gateway(folder, rules=…) as place:
    place.run("true")                       # ssh ACCOUNT%web-1@gateway true
    place.run("true", jump=True)            # ssh -J gateway ACCOUNT@web-1 true
    place.config("scp")                     # options for scp, sftp, rsync, git
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.gateway import Gateway, Plan, running_gateway
from tests.support.live_agent import LISTENER, LiveAgent, start_agent
from tests.support.sections import listener, ssh_target
from tests.support.sshd import ACCOUNT, Sshd, make_key, public_line, running_sshd

PATIENCE = 60.0
ALLOW = """\
[[rules]]
name = "anything plain"
effect = "allow"
groups = ["developers"]
classes = [".*", "dynamic", "unknown", "oversize"]
"""
"""Rules that let everything through but forwards, agents and displays."""


@dataclass
class SshPlace:
    """See the module."""

    folder: Path
    gateway: Gateway
    sshd: Sshd
    plan: Plan
    between: LiveAgent | None = None

    @property
    def port(self) -> int:
        """Where the gateway listens for SSH."""
        return self.gateway.ports["ssh"]

    def options(self, who: str = "sue") -> list[str]:
        """Options of ssh that are free of this machine's configuration."""
        return ["-F", str(self.config(who))]

    def config(self, who: str = "sue") -> Path:
        """An ssh_config for somebody: hosts `gw` (to jump), `direct` (account and target in the user name), `web-1`."""
        path = self.folder / f"config-{who}"
        if not path.exists():
            self._write(path, who)
        return path

    def _write(self, path: Path, who: str) -> None:
        authority = self.gateway.api("GET", "/v1/ssh/authorities").json
        known = self.folder / f"known-{who}"
        lines = [f"@cert-authority * {authority['hosts']}"]
        lines.append(f"[127.0.0.1]:{self.port} {authority['gateway']}")
        known.write_text("".join(f"{line}\n" for line in lines))
        path.write_text(
            f"Host gw\n  HostName 127.0.0.1\n  Port {self.port}\n  User {who}\n"
            f"Host direct\n  HostName 127.0.0.1\n  Port {self.port}\n  User {ACCOUNT}%web-1\n"
            f"Host web-1 web-1.internal\n  User {ACCOUNT}\n  ProxyJump gw\n"
            f"Host *\n  IdentityFile {self.folder}/key-{who}\n  IdentitiesOnly yes\n  IdentityAgent none\n"
            f"  UserKnownHostsFile {known}\n  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n"
            "  BatchMode yes\n  ConnectTimeout 30\n"
        )

    def command(self, *command: str, options: Sequence[str] = (), jump: bool = False, who: str = "sue") -> list[str]:
        """The argv of ssh."""
        return ["ssh", *self.options(who), *options, "web-1" if jump else "direct", *command]

    def run(
        self,
        *command: str,
        stdin: bytes = b"",
        options: Sequence[str] = (),
        jump: bool = False,
        who: str = "sue",
        **env: str,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run ssh to its end. `env` are variables sent with SetEnv."""
        sent = [f"-oSetEnv={' '.join(f'{name}={value}' for name, value in env.items())}"] if env else []
        argv = self.command(*command, options=[*options, *sent], jump=jump, who=who)
        return self.do(argv, stdin)

    def do(self, argv: Sequence[str], stdin: bytes = b"", **more: Any) -> subprocess.CompletedProcess[bytes]:
        """Run a program to its end."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        return subprocess.run(argv, input=stdin, capture_output=True, timeout=PATIENCE, env=environ, **more)

    def start(self, argv: Sequence[str], **more: Any) -> subprocess.Popen[bytes]:
        """Start a program."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(argv, env=environ, **{**pipes, **more})


@contextlib.contextmanager
def ssh_gateway(
    folder: Path,
    rules: str = ALLOW,
    target: str = "",
    more: str = "",
    sshd: Sequence[str] = (),
    program: str = "",
    agent: str = "",
) -> Iterator[SshPlace]:
    """See the module. `target` are further lines of the target `web-1`, `more` further sections, `sshd` of its own.

    `program` is run in twistd's place. `agent` is the name of one between gateway and sshd: "office", "lab".
    """
    folder.mkdir(parents=True, exist_ok=True)
    login = make_key(folder / "login")
    with running_sshd(folder / "sshd", [public_line(login)], config=sshd) as server:
        text = _plan(folder, server, rules, target, f"agent:{agent}:" if agent else "")
        if agent:
            text += LISTENER.format(folder=folder / "gateway", interface="127.0.0.1")
        plan = Plan(text + more, program=program)
        with contextlib.ExitStack() as stack:
            gateway = stack.enter_context(running_gateway(folder / "gateway", plan))
            place = SshPlace(folder, gateway, server, plan)
            if agent:
                place.between = start_agent(folder / "agent", gateway, [("127.0.0.1", server.port)], agent).wait()
                stack.callback(lambda: place.between and place.between.stop())
            yield place


def _plan(folder: Path, server: Sshd, rules: str, target: str, by: str = "") -> str:
    sue, tom = (public_line(make_key(folder / f"key-{who}")) for who in ("sue", "tom"))
    key = f'login_with = "key"\nsecret = "file:{folder}/login"'
    web_1 = ssh_target(f"{by}tcp:127.0.0.1:{server.port}", server.host_keys, ACCOUNT, key, ["developers"])
    return f"""\
[[accounts]]
name = "sue"
kind = "human"
groups = ["developers"]
ssh_keys = ["{sue}"]
[[accounts]]
name = "tom"
kind = "human"
groups = ["visitors"]
ssh_keys = ["{tom}"]
{listener("ssh", "ssh")}
{web_1}names = ["web-1\\\\.internal"]
{target}
{rules}
"""
