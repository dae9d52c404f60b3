"""A whole installation, before its gateway runs and while it does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import Gateway, Plan, running_gateway
from tests.support.loop import Loop
from tests.support.postgres import Server
from twisted_hoop.cli.secrets import why_not
from twisted_hoop.demo.certificates import issue
from twisted_hoop.doctor.examination import examine
from twisted_hoop.doctor.finding import Finding

_TARGET = """
[[targets]]
name = "{name}"
protocol = "postgres"
endpoint = "{endpoint}"
database = "postgres"
login = "doctored"
secret = "env:{secret}"
tls = "disable"
groups = ["*"]
"""
ENVIRON = {"RIGHT": "hunter2-right", "WRONG": "hunter2-wrong"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[Gateway]:
    postgres.create_login("doctored", "hunter2-right")
    here = f"tcp:127.0.0.1:{postgres.port}"
    text = _TARGET.format(name="good", endpoint=here, secret="RIGHT")
    text += _TARGET.format(name="bad", endpoint=here, secret="WRONG")
    text += _TARGET.format(name="far", endpoint="agent:office:tcp:db:5432", secret="RIGHT")
    text += '[[agents]]\nname = "office"\n'
    with running_gateway(tmp_path_factory.mktemp("doctor"), Plan(text, ENVIRON)) as found:
        yield found


def examined(loop: Loop, file: Path) -> dict[tuple[str, str], Finding]:
    found = loop.run(lambda: examine(loop.reactor, file, {**os.environ, **ENVIRON}, why_not, 12.0))
    assert "hunter2" not in str(found)
    return {(each.area, each.name): each for each in reversed(found)}


def test_what_is_well_and_what_is_not_is_told_apart_while_the_gateway_runs(loop: Loop, gateway: Gateway) -> None:
    """R11: no secret is among what is found."""
    tls = gateway.folder / "tls"
    issue(tls, ["localhost", "127.0.0.1"], days=-1)
    found = examined(loop, gateway.folder / "hoop.toml")
    errors = {key for key, each in found.items() if each.state == "error"}
    assert {("target", "bad"), ("certificate", "listener pg")} <= errors
    assert found["target", "good"].state == found["store", "sqlite"].state == "ok"
    assert found["issuer", "corp"].what.endswith("keys") and found["secret", "targets.1.secret"].state == "ok"
    assert (
        found["target", "far"].state == "error"
        and "agent office, which is not connected" in found["target", "far"].what
    )
    assert found["clock", "good"].state == "ok" and found["folder", "state"].state == "ok"


def test_a_configuration_that_cannot_be_read_is_told_line_by_line(loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "hoop.toml").write_text('[gateway]\nstat = "x"\n')
    [found] = examined(loop, tmp_path / "hoop.toml").values()
    assert found.area == "configuration" and "stat" in found.what and found.todo


def test_nothing_is_made_in_a_state_folder_that_is_not_there(loop: Loop, tmp_path: Path) -> None:
    target = '[[targets]]\nname = "s"\nprotocol = "ssh"\nendpoint = "tcp:127.0.0.1:1"\nlogin = "a"\n'
    keys = 'login_with = "certificate"\nhost_keys = ["ssh-ed25519 {}"]\ngroups = ["*"]\n'.format(
        "AAAAC3NzaC1lZDI1NTE5AAAAIFVKkoUSDVuJRayMWnBPQQYVDMpK02PTKrzr1ZeBRpLp"
    )
    (tmp_path / "hoop.toml").write_text(f'[gateway]\nstate = "state"\n{target}{keys}')
    found = examined(loop, tmp_path / "hoop.toml")
    assert found["target", "s"].state == "warning" and [each.name for each in tmp_path.iterdir()] == ["hoop.toml"]
