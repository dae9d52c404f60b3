"""`hoop kubeconfig`, read by kubectl itself."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from twisted.web.http import Request

from tests.support.kube.programs import kubectl_path
from tests.support.loop import Loop
from tests.support.web import running_web
from twisted_hoop.cli.main import cli
from twisted_hoop.demo.certificates import issue, make_ca


def target(name: str, protocol: str = "kubernetes", host: str = "hoop.example", **more: Any) -> dict[str, Any]:
    place = {"host": host, "port": 6443, "tls": True, "auth": []}
    return {"name": name, "protocol": protocol, "login": "", "labels": {}, "listeners": [place], **more}


OPEN = [target("prod"), target("shop", "postgres"), target("stage", host="2001:db8::1")]


def run(loop: Loop, *arguments: str, targets: list[dict[str, Any]] | None = None, token: str = "t") -> Result:
    with running_web(loop) as web:
        web.answers["/v1/targets"] = json.dumps({"targets": OPEN if targets is None else targets}).encode()
        environ = {"HOOP_URL": web.url, "HOOP_TOKEN": token}
        return CliRunner().invoke(cli, ["kubeconfig", *arguments], env=environ)


def seen(folder: Path, said: Result) -> dict[str, Any]:
    """What kubectl makes of it."""
    assert said.exit_code == 0, said.output
    (folder / "config").write_text(said.output)
    command = [kubectl_path(), "config", "view", "--raw", "-o", "json", "--kubeconfig", str(folder / "config")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_cluster_that_is_open(loop: Loop, tmp_path: Path) -> None:
    found = seen(tmp_path, run(loop, "--namespace", "shop"))
    servers = {each["name"]: each["cluster"]["server"] for each in found["clusters"]}
    assert servers == {"prod": "https://hoop.example:6443/prod", "stage": "https://[2001:db8::1]:6443/stage"}
    assert found["current-context"] == "prod"
    assert found["contexts"][1]["context"] == {"cluster": "stage", "user": "hoop", "namespace": "shop"}


def test_the_token_is_asked_for_when_it_is_needed(loop: Loop, tmp_path: Path) -> None:
    """R11: no secret stands in the file."""
    said = run(loop, "prod", token="a-very-secret-token")
    assert "a-very-secret-token" not in said.output
    found = seen(tmp_path, said)
    (user,) = found["users"]
    assert user["user"]["exec"]["command"] == "hoop" and user["user"]["exec"]["args"][0] == "token"
    assert user["user"]["exec"]["args"][-1] == "--json" and len(found["clusters"]) == 1


def test_ci_reads_its_token_from_a_file(loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file")
    said = run(loop, "--token-file", str(tmp_path / "token"), token="")
    assert "from-a-file" not in said.output
    assert seen(tmp_path, said)["users"][0]["user"] == {"tokenFile": str(tmp_path / "token")}


def test_the_certificates_of_the_authority_and_nothing_else_of_its_file(loop: Loop, tmp_path: Path) -> None:
    """R11: a key that stands in the same file stays there."""
    make_ca(tmp_path)
    certificate = (tmp_path / "ca.pem").read_text()
    (tmp_path / "both.pem").write_text(
        "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n" + certificate
    )
    found = seen(tmp_path, run(loop, "--authority", str(tmp_path / "both.pem")))
    data = base64.b64decode(found["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
    assert data.strip() == certificate.strip()
    assert run(loop, "--authority", str(tmp_path / "no.pem")).exit_code == 2


@pytest.mark.parametrize("name", ["shop", "nowhere", "clear"])
def test_what_is_not_open_or_not_reached_with_tls_is_told(loop: Loop, name: str) -> None:
    clear = target("clear", listeners=[{"host": "h", "port": 80, "tls": False, "auth": []}])
    said = run(loop, name, targets=[*OPEN, clear])
    assert said.exit_code == 1 and name in said.output
    assert run(loop, targets=[clear]).exit_code == 1


def test_R7_a_gateway_writes_no_further_lines(loop: Loop, tmp_path: Path) -> None:
    """R7: what a gateway sends is text in the file, never another key (an exec plug-in would run on this machine)."""
    evil = target("x\nusers:\n- name: hoop\n  user:\n    exec: {command: evil}", host="h\n  insecure: true")
    found = seen(tmp_path, run(loop, targets=[evil]))
    assert [each["user"]["exec"]["command"] for each in found["users"]] == ["hoop"]
    assert list(found["clusters"][0]["cluster"]) == ["server"]


def test_the_whole_command_is_a_plug_in_that_kubectl_runs(loop: Loop, tmp_path: Path) -> None:
    """kubectl calls `hoop token --json`, and shows the gateway what it gets."""
    make_ca(tmp_path)
    issue(tmp_path, ["localhost"])
    program = tmp_path / "hoop"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m twisted_hoop.cli "$@"\n')
    program.chmod(0o755)
    shown: list[str] = []

    def version(request: Request) -> bytes:
        shown.append(request.getHeader("authorization") or "")
        return b'{"major":"1","minor":"36","gitVersion":"v1.36.0"}'

    with running_web(loop, (tmp_path / "localhost.pem", tmp_path / "localhost.key"), "localhost") as cluster:
        cluster.answers["/prod/version"] = version
        place = {"host": "localhost", "port": int(cluster.url.rpartition(":")[2]), "tls": True, "auth": []}
        said = run(
            loop, "--program", str(program), "--authority", str(tmp_path / "ca.pem"),
            targets=[target("prod", listeners=[place])],
        )  # fmt: skip
        (tmp_path / "config").write_text(said.output)
        environ = {"HOOP_TOKEN": "the-token", "HOME": str(tmp_path), "PATH": os.environ["PATH"]}
        command = [kubectl_path(), "--kubeconfig", str(tmp_path / "config"), "version"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environ)
    assert "v1.36.0" in done.stdout and set(shown) == {"Bearer the-token"}, done.stderr
