"""What stands behind an SSH listener: its ways in, as the configuration has them now, and what is our own address."""

from __future__ import annotations

from typing import Any

from tests.support.ssh_fakes import Bench
from tests.support.ssh_server import authority
from twisted_hoop.settings import ListenerSection, Settings
from twisted_hoop.ssh.listener import SshListening, own_hosts

NOBODY: Any = None


def settings(**more: Any) -> Settings:
    return Settings.model_validate({"gateway": {"url": "https://hoop.example.com:8443", "login_timeout": "7s"}, **more})


def test_S11_what_is_the_gateway_itself() -> None:
    listener = {"name": "ssh", "protocol": "ssh", "endpoint": "tcp:2222:interface=192.0.2.10"}
    any_ = {"name": "any", "protocol": "ssh", "endpoint": "tcp:2223", "address": "ssh.example.com:22"}
    own = own_hosts(settings(listeners=[listener, any_]))
    assert own("hoop.example.com", 1) and own("HOOP.example.com.", 22) and own("192.0.2.10", 2222)
    assert own("::ffff:192.0.2.10", 5432) and own("ssh.example.com", 22)
    assert not own("web-1", 22) and not own("127.0.0.1", 2223), "loopback needs a rule that names it anyway"


def test_the_factory_of_a_listener_follows_a_reload() -> None:
    bench = Bench()
    now = [settings()]
    listening = SshListening(
        bench.clock,
        lambda: now[0],
        bench.opening.services,
        bench.opening.named,
        lambda: NOBODY,
        authority(),
        NOBODY,
    )
    section = ListenerSection(name="ssh", protocol="ssh", endpoint="tcp:0")
    factory = listening.factory(section)
    assert factory._limits.grace == 7.0
    assert factory._door.ways().names == {"certificate"} and factory._door.ways().methods == (b"publickey",)
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"
    now[0] = settings(accounts=[{"name": "ci", "ssh_keys": [key]}], ssh={"banner": "Be careful."})
    assert factory._door.ways().names == {"certificate", "key"} and factory._door.ways().banner == "Be careful."
    only = listening.factory(ListenerSection(name="ssh", protocol="ssh", endpoint="tcp:0", auth=["token"]))
    assert only._door.ways().names == {"token"}
