"""An agent's configuration: every problem at once, from a file or from one variable."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.source import REPOSITORY
from twisted_hoop.agent.configuration import agent_of_variable, load_agent
from twisted_hoop.agent.settings import AgentOwnSection, AllowSection
from twisted_hoop.errors import ConfigurationError

GOOD = """\
[agent]
name = "office"
gateway = "tls://gw.example:7443"
state = "state"
ca = "ca.pem"
join_token = "file:token"
[[allow]]
host = "db.internal"
ports = [5432, "8000-8100"]
[[allow]]
unix = "/run/db.sock"
"""


def load(folder: Path, text: str) -> list[str]:
    """The problems of a file."""
    file = folder / "agent.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_agent(file)
    return caught.value.problems


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text(GOOD)
    settings = load_agent(tmp_path / "agent.toml")
    assert settings.agent.name == "office" and settings.agent.state == str(tmp_path / "state")
    assert settings.agent.ca == str(tmp_path / "ca.pem") and settings.agent.join_token == f"file:{tmp_path}/token"
    assert [each.host or each.unix for each in settings.allow] == ["db.internal", "/run/db.sock"]


def test_every_problem_at_once(tmp_path: Path) -> None:
    told = load(
        tmp_path,
        '[agent]\nname = "Office!"\ngatway = "x"\n[[allow]]\nhost = "db"\n[[allow]]\nunix = "run"\n[odd]\n',
    )
    text = "\n".join(told)
    assert len(told) >= 5
    for what in (
        "name",
        'did you mean "gateway"?',
        "agent.gateway: is missing",
        "ports are missing",
        "whole path",
        "odd",
    ):
        assert what in text, (what, told)
    assert all(line.startswith("agent.toml:") for line in told)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("tls://gw.example:7443", "https://gw.example", "write tls://"),
        ('join_token = "file:token"', 'token = "x"\ntoken_command = ["y"]', "token_command"),
        ('join_token = "file:token"', 'proxy = "socks5://x"', "proxy"),
        ('join_token = "file:token"', 'heartbeat = "10s"\ndead = "5s"', "longer than heartbeat"),
        ('join_token = "file:token"', 'pin = "aabb"', "64 hexadecimal digits"),
        ('join_token = "file:token"', 'host_keys = ["nonsense"]', "host_keys.0"),
        ('unix = "/run/db.sock"', 'unix = "/run/db.sock"\nhost = "x"', "a target of its own"),
        ("[[allow]]", "[allow]", ""),
        ('name = "office"', 'name = "office', "not TOML"),
    ],
)
def test_problems(tmp_path: Path, old: str, new: str, what: str) -> None:
    assert any(what in line for line in load(tmp_path, GOOD.replace(old, new)))


def test_an_agent_that_connects_to_nothing_is_a_mistake(tmp_path: Path) -> None:
    assert any("connects to nothing" in line for line in load(tmp_path, GOOD.partition("[[allow]]")[0]))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_agent(tmp_path / "nothing.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load_agent(tmp_path / "binary.toml")


def test_one_variable() -> None:
    settings = agent_of_variable(
        "gateway=wss://gw.example name=office join_token=hoop_join_x streams=5 heartbeat=5s"
        " allow=db:5432,*.svc:80-90,unix:/s"
    )
    assert settings.agent.streams == 5 and settings.agent.heartbeat == 5.0
    assert [(each.host, each.ports, each.unix) for each in settings.allow] == [
        ("db", ["5432"], ""),
        ("*.svc", ["80-90"], ""),
        ("", [], "/s"),
    ]


@pytest.mark.parametrize("text", ["nonsense", "name=a name=b", "name=office", "gateway=x name=office allow=db:1", ""])
def test_variables_that_say_too_little(text: str) -> None:
    with pytest.raises(ConfigurationError, match="HOOP_AGENT"):
        agent_of_variable(text)


@given(st.text(max_size=80))
def test_any_variable_is_a_value_or_a_configuration_error(text: str) -> None:
    try:
        agent_of_variable(text)
    except ConfigurationError:
        return


def test_the_example_is_complete() -> None:
    """Every key stands in etc/agent.toml, commented out or not, and the file can be used."""
    text = (REPOSITORY / "etc" / "agent.toml").read_text()
    for name in (*AgentOwnSection.model_fields, *AllowSection.model_fields):
        assert f"{name} = " in text, name
    load_agent(REPOSITORY / "etc" / "agent.toml")
