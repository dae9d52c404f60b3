"""The units as systemd's own programs read them: no mistake, an account, a folder, and as little exposure as can be."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ETC = Path(__file__).parent.parent / "etc"
UNITS = ("hoop", "hoop-agent")
MOST_EXPOSURE = 1.2
"""Of 10, as `systemd-analyze security` counts; 1.1 today."""
LEFT_OPEN = {
    "RootDirectoryOrRootImage": "it runs from /opt/hoop",
    "MemoryDenyWriteExecute": "libraries make callbacks at run time",
    "PrivateNetwork": "it is a gateway",
    "IPAddressDeny": "operators know their networks, the unit does not",
    "RestrictAddressFamilies_AF_INET_INET6": "it is a gateway",
    "RestrictAddressFamilies_AF_UNIX": "workers, replicas, journald",
    "DeviceAllow": "what PrivateDevices= itself allows",
}
"""What systemd would have closed, and why it is open."""


def said(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_no_mistake_in_the_unit(unit: str, tmp_path: Path) -> None:
    """Its programs are replaced by one that is there."""
    file = tmp_path / f"{unit}.service"
    file.write_text(re.sub(r"/opt/hoop/bin/\w+", "/bin/true", (ETC / file.name).read_text()))
    done = said("systemd-analyze", "verify", "--man=no", str(file))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_exposes_as_little_as_can_be(unit: str) -> None:
    """R11: whoever takes over the process finds nothing of the machine around it."""
    file = str(ETC / f"{unit}.service")
    whole = said("systemd-analyze", "security", "--offline=true", "--no-pager", file).stdout
    found = re.search(r"exposure level for \S+: ([\d.]+)", whole)
    assert found is not None and float(found[1]) <= MOST_EXPOSURE, whole[-200:]
    listed = json.loads(
        said("systemd-analyze", "security", "--offline=true", "--json=short", "--no-pager", file).stdout
    )
    open_ones = {each["json_field"] for each in listed if each["exposure"] not in (None, "0.0", 0)}
    assert open_ones <= set(LEFT_OPEN), open_ones - set(LEFT_OPEN)


@pytest.mark.parametrize("unit", UNITS)
def test_its_account_and_its_folder_are_made(unit: str, tmp_path: Path) -> None:
    """In a root of its own; who may read the configuration is that account."""
    etc = tmp_path / "etc"
    etc.mkdir()
    for name in ("passwd", "group"):
        shutil.copyfile(f"/etc/{name}", etc / name)
    lines = [line for line in (etc / "passwd").read_text().splitlines() if not line.startswith(f"{unit}:")]
    (etc / "passwd").write_text("\n".join(lines) + "\n")
    assert said("systemd-sysusers", f"--root={tmp_path}", str(ETC / f"{unit}.sysusers")).returncode == 0
    account = next(line.split(":") for line in (etc / "passwd").read_text().splitlines() if line.startswith(f"{unit}:"))
    assert int(account[2]) < 1000 and account[6].endswith("nologin")
    done = said("systemd-tmpfiles", f"--root={tmp_path}", "--create", str(ETC / f"{unit}.tmpfiles"))
    made = etc / "hoop"
    assert made.is_dir() and made.stat().st_mode & 0o777 == 0o750, done.stderr
    assert made.stat().st_gid == int(account[3]) or os.geteuid() != 0


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_starts_what_there_is(unit: str) -> None:
    """The very plugin of twistd, with the file that the folder is made for."""
    text = (ETC / f"{unit}.service").read_text()
    assert re.search(rf"^ExecStart=/opt/hoop/bin/twistd -n --pidfile= {unit} --config /etc/hoop/\w+\.toml$", text, re.M)
    plugin = (ETC.parent / f"twisted/plugins/{unit.replace('-', '_')}_plugin.py").read_text()
    assert f'"{unit}"' in plugin
    assert f"\nStateDirectory={unit}\nStateDirectoryMode=0700\n" in text
