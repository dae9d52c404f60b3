"""SSH through a live agent: the tests of real OpenSSH programs and of forwards, with an agent before the target.

They are those of `test_ssh_clients` and `test_ssh_live_forwards`, word for word, on a house whose sshd only the agent
reaches; here stands what an agent adds.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.integration import test_ssh_clients as clients
from tests.integration import test_ssh_live_forwards as forwards
from tests.support.gateway import wait_for
from tests.support.ssh_house import SshHouse, ssh_house

test_statuses = clients.test_S23_exit_statuses
test_signals = clients.test_S23_signals
test_streams = clients.test_S23_both_streams_to_the_last_byte
test_shell = clients.test_a_shell_on_a_terminal
test_scp = clients.test_scp
test_sftp = clients.test_sftp
test_rsync = clients.test_rsync
test_git = clients.test_git
test_rekeying = clients.test_rekeying_under_way
test_local_forward = forwards.test_a_local_forward_that_a_rule_names
test_sockets = forwards.test_forwards_to_sockets
test_stdio_forward = forwards.test_stdio_forward
test_dynamic_forward = forwards.test_dynamic_forward
test_remote_forward = forwards.test_remote_forward_on_a_free_port
test_refused_forwards = forwards.test_remote_forwards_that_no_rule_allows
test_jump = forwards.test_S10_a_jump_leads_to_targets_and_nowhere_else


@pytest.fixture(scope="module")
def house_of_ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHouse]:
    """In the place of the one for all: its target is behind agent office."""
    with ssh_house(tmp_path_factory.mktemp("by-agent"), agent="office") as house:
        yield house


def test_an_agent_that_dies_ends_its_sessions_in_words_and_serves_again_when_it_is_back(house_of_ssh: SshHouse) -> None:
    """SIGKILL in the middle of a command: the client is told, the recording has its end, and the agent comes back."""
    agent, mark = house_of_ssh.between, uuid.uuid4().hex
    assert agent is not None
    running = house_of_ssh.start(house_of_ssh.command(f"echo {mark}; exec sleep 300"))
    assert running.stdout is not None and running.stdout.readline().decode().strip() == mark
    agent.kill()
    _, told = running.communicate(timeout=60)
    assert running.returncode == 255 and told == b"hoop: the target is gone\n"
    [command] = forwards.entries(house_of_ssh, mark, "command")
    [outcome] = forwards.entries(house_of_ssh, "the target is gone", "outcome")
    [closed] = forwards.entries(house_of_ssh, "the agent's connection is gone", "close")
    assert outcome["command"] == command["command"] and closed["outcome"] == "target-lost"
    assert b"agent office: is not connected" in house_of_ssh.run("true").stderr
    agent.again()
    wait_for(lambda: house_of_ssh.run("echo back").stdout == b"back\n", "it serves again")
