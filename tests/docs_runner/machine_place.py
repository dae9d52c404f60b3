"""A machine of an operator's own, below a folder: accounts, units, versions side by side; see systemctl.py.

`/etc`, `/opt`, `/usr` and `/var/lib` of the pages are folders of the place, and its only account is whoever runs the
tests. A version is this checkout, whichever number the page names: nothing is fetched here, .ci/run installs the wheel.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.docs_runner.house_place import House, before, configuration, me, place_in
from tests.docs_runner.places import ROOT, Place
from tests.docs_runner.systemctl import stop_all

_AGENTS = """
[[listeners]]
name = "agents"
protocol = "agent"
endpoint = "tcp:{port}:interface=127.0.0.1"
certificate = "tls/hoop.pem"
key = "tls/hoop-key.pem"
[[agents]]
name = "office"
"""
_AGENT = """\
[agent]
name = "office"
gateway = "tls://localhost:{port}"
state = "{home}/var/lib/hoop-agent"
join_token = "file:{home}/etc/hoop/join-token"
ca = "{home}/etc/hoop/tls/ca.pem"
[[allow]]
host = "db.internal"
ports = [5432]
"""


@contextlib.contextmanager
def machine(home: Path) -> Iterator[Place]:
    """All that an operator has before the first hour; nothing runs yet but the database and the issuer."""
    with before(home) as house:
        house.configuration.write_text(configuration(house))
        place = place_in(house)
        for program, text in _programs(home).items():
            (home / "bin" / program).write_text(f"#!/bin/sh\n{text}\n")
            (home / "bin" / program).chmod(0o755)
        for folder in ("etc/systemd/system", "opt", "usr/local/bin", "usr/lib/sysusers.d", "usr/lib/tmpfiles.d"):
            (home / folder).mkdir(parents=True)
        (home / "opt/hoop-0.0.1").mkdir()
        (home / "opt/hoop-0.0.1/bin").symlink_to(home / "bin")
        (home / "opt/hoop").symlink_to(home / "opt/hoop-0.0.1")
        (home / "var/lib/hoop-agent").mkdir(mode=0o700)
        _checkout(house)
        who, group = me()
        more = {"-o hoop-agent -g hoop-agent": f"-o {who} -g {group}", "-o root -g hoop-agent": f"-o {who} -g {group}"}
        folders = {name: f"{home}{name}" for name in ("/opt/", "/etc/systemd/", "/usr/lib/", "/usr/local/")}
        rows = {**more, **place.table.rows, **folders}
        place.table.rows.clear()
        place.table.rows.update(rows)
        place.environ["HOOP_TEST_ROOT"] = str(home)
        place.links["etc"] = home / "checkout/etc"
        place.ended = partial(stop_all, home)
        try:
            yield place
        finally:
            stop_all(home)


def _checkout(house: House) -> None:
    """`etc` of a checkout, whose examples somebody has filled in."""
    folder = house.home / "checkout/etc"
    shutil.copytree(ROOT / "etc", folder, symlinks=True, ignore=shutil.ignore_patterns("demo.toml"))
    (folder / "tls").symlink_to(house.authority.parent)
    shutil.copy(house.configuration.with_name("shop-password"), folder)
    (folder / "hoop.toml").write_text(configuration(house) + _AGENTS.format(port=house.ports["agents"]))
    (folder / "agent.toml").write_text(_AGENT.format(port=house.ports["agents"], home=house.home))


def _programs(home: Path) -> dict[str, str]:
    """Stand-ins: each is the real program below our folder, or says here what it does in its place."""
    real = {name: shutil.which(name) or name for name in ("systemd-sysusers", "systemd-tmpfiles", "python3")}
    made = f'mkdir -p "$3" && ln -sfn {home}/bin "$3/bin"'
    return {
        "systemctl": f'exec {sys.executable} -m tests.docs_runner.systemctl "$@"',
        "journalctl": f"cat {home}/hoop.log",
        "systemd-sysusers": f'exec {real["systemd-sysusers"]} --root={home} "$@"',
        "systemd-tmpfiles": f'exec {real["systemd-tmpfiles"]} --root={home} "$@"',
        "python3": f'if [ "$1 $2" = "-m venv" ]; then {made}; else exec {real["python3"]} "$@"; fi',
        "pip": '[ "$1" = install ]  # the programs beside it are this checkout\'s',
    }
