"""`hoop ssh-certificate` and `hoop ssh-config`."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.support.api import Api, listening_api
from tests.support.approvals import ISSUER, Office
from tests.support.loop import Loop
from tests.support.ssh_identity import KEYS, ssh_keygen
from tests.support.sshd import make_key
from tests.support.web import running_web
from twisted_hoop.cli.main import cli
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.settings import Settings
from twisted_hoop.web.ways import Ways


def run(api: Api, who: str, *arguments: str, **environ: str) -> Result:
    environment = {"HOOP_URL": api.url, "HOOP_TOKEN": api.token(who) if who else "", **environ}
    return CliRunner().invoke(cli, list(arguments), env=environment)


@pytest.mark.parametrize("named", ["id_rsa.pub", "id_rsa", ""])
def test_a_certificate_is_written_beside_the_key(api: Api, tmp_path: Path, named: str) -> None:
    folder = tmp_path / ".ssh"
    folder.mkdir()
    make_key(folder / "id_rsa", "rsa", "-b", "2048")
    said = run(api, "alice", "ssh-certificate", *([str(folder / named)] if named else []), HOME=str(tmp_path))
    assert said.exit_code == 0 and "is valid until" in said.output, said.output
    shown = ssh_keygen("-L", "-f", folder / "id_rsa-cert.pub")
    assert f"hoop:{ISSUER}|alice" in shown and KEYS.user_ca.public.fingerprint in shown
    assert sorted(path.name for path in folder.iterdir()) == ["id_rsa", "id_rsa-cert.pub", "id_rsa.pub"]


def test_json_says_where_it_is(api: Api, tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    told = json.loads(run(api, "alice", "ssh-certificate", "--json", "--lifetime", "60", f"{tmp_path}/key").output)
    assert told["file"] == f"{tmp_path}/key-cert.pub" and told["certificate"] in Path(told["file"]).read_text()


def test_a_key_is_made_when_asked_for_and_only_then(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "new" / "key"
    said = run(api, "alice", "ssh-certificate", str(path))
    assert said.exit_code == 2 and "--make" in said.output and not path.parent.exists()
    assert run(api, "alice", "ssh-certificate", "--make", f"{path}.pub").exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert ssh_keygen("-y", "-f", path).split()[:2] == path.with_suffix(".pub").read_text().split()[:2]
    made = path.read_bytes()
    assert run(api, "alice", "ssh-certificate", "--make", str(path)).exit_code == 0 and path.read_bytes() == made


def test_a_private_key_is_never_replaced(api: Api, tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    (tmp_path / "key.pub").unlink()
    said = run(api, "alice", "ssh-certificate", "--make", f"{tmp_path}/key")
    assert said.exit_code == 2 and "ssh-keygen -y" in said.output


def test_R11_a_private_key_under_the_wrong_name_is_not_sent_on(api: Api, tmp_path: Path) -> None:
    make_key(tmp_path / "key").rename(tmp_path / "oops.pub")
    said = run(api, "alice", "ssh-certificate", f"{tmp_path}/oops.pub")
    assert said.exit_code == 2 and "no public key" in said.output and "BEGIN" not in said.output


def test_who_is_nobody_gets_none(api: Api, tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    said = run(api, "", "ssh-certificate", f"{tmp_path}/key", HOOP_TOKEN="hoop_wrong")
    assert said.exit_code == 4 and not (tmp_path / "key-cert.pub").exists()


def test_ssh_config_is_what_ssh_reads(api: Api, tmp_path: Path) -> None:
    said = run(api, "bob", "ssh-config", "--identity", "/keys/mine")
    assert said.exit_code == 0, said.output
    (tmp_path / "config").write_text(said.output)
    import subprocess

    def read(host: str) -> str:
        argv = ["ssh", "-G", "-F", str(tmp_path / "config"), host]
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout

    target = read("web-1")
    assert "proxyjump hoop-gateway\n" in target and "stricthostkeychecking true\n" in target
    gateway = read("hoop-gateway")
    assert "identityfile /keys/mine\n" in gateway and "identitiesonly yes\n" in gateway and "hostname " in gateway


def test_known_hosts_has_the_gateway_and_the_authority(api: Api) -> None:
    gateway, hosts = run(api, "bob", "ssh-config", "--known-hosts").output.splitlines()
    assert KEYS.host_key.public.line in gateway
    assert hosts == f"@cert-authority web-1 {KEYS.host_ca.public.line}"


def test_who_has_no_ssh_target_is_told(office: Office, loop: Loop, tmp_path: Path) -> None:
    nothing = Ways(Settings, lambda: RulePolicy(Settings()))
    with listening_api(office, loop, tmp_path / "state", ways=nothing) as api:
        said = run(api, "alice", "ssh-config")
    assert said.exit_code == 1 and "no SSH target" in said.output


def test_a_gateway_writes_no_further_lines_into_the_configuration(loop: Loop) -> None:
    """R7: what is pasted into ~/.ssh/config would be a ProxyCommand that runs on this machine."""
    place = {"host": "hoop.example", "port": 22, "tls": False, "auth": []}
    target = {
        "name": "web-1\n    ProxyCommand evil",
        "protocol": "ssh",
        "login": "",
        "labels": {},
        "listeners": [place],
    }
    with running_web(loop) as web:
        web.answers["/v1/targets"] = json.dumps({"targets": [target]}).encode()
        said = CliRunner().invoke(cli, ["ssh-config"], env={"HOOP_URL": web.url, "HOOP_TOKEN": "t"})
    assert said.exit_code == 1 and "ProxyCommand" not in said.output
