"""Ansible behind the same ProxyJump line: its own connection sharing, modules copied over sftp or piped, exit codes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ssh_gateway import SshPlace, ssh_gateway

PLAY = """\
- hosts: all
  gather_facts: false
  tasks:
    - copy: {{content: "from ansible", dest: "{folder}/copied-{{{{ inventory_hostname }}}}"}}
    - shell: echo $((40 + 2)); exit 3
      register: three
      failed_when: three.rc != 3 or three.stdout != "42"
    - fetch: {{src: "{folder}/copied-{{{{ inventory_hostname }}}}", dest: "{folder}/fetched/"}}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshPlace]:
    with ssh_gateway(tmp_path_factory.mktemp("ansible")) as running:
        yield running


@pytest.mark.parametrize("pipelining", ["False", "True"])
def test_a_playbook(place: SshPlace, tmp_path: Path, pipelining: str) -> None:
    """S23: modules are files that are sent and programs whose exit codes count, over a shared connection."""
    options = f"ansible_ssh_common_args='-F {place.config()}' ansible_python_interpreter={sys.executable}"
    (tmp_path / "hosts").write_text(f"[all]\nweb-1 {options}\ndirect {options}\n")
    (tmp_path / "play.yml").write_text(PLAY.format(folder=tmp_path))
    environ = {
        "ANSIBLE_PIPELINING": pipelining,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCAL_TEMP": f"{tmp_path}/local",
        "ANSIBLE_REMOTE_TEMP": f"{tmp_path}/remote",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{tmp_path}/cp",
    }
    program = Path(sys.executable).with_name("ansible-playbook")
    command = ["env", *(f"{name}={value}" for name, value in environ.items()), str(program)]
    done = place.do([*command, "-i", str(tmp_path / "hosts"), str(tmp_path / "play.yml")])
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    recap = re.findall(r"^(\S+) +: ok=3 .*unreachable=0 +failed=0 ", done.stdout.decode(), re.M)
    assert sorted(recap) == ["direct", "web-1"], done.stdout.decode()
    for host in ("web-1", "direct"):
        assert (tmp_path / f"fetched/{host}{tmp_path}/copied-{host}").read_text() == "from ansible"
