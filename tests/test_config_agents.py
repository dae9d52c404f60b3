"""What is wrong with [[agents]], and with targets behind agents."""

from __future__ import annotations

from pathlib import Path

import pytest

from twisted_hoop.config import load
from twisted_hoop.errors import ConfigurationError

ISSUER = '[[issuers]]\nname = "corp"\nissuer = "https://issuer.test"\naudience = ["hoop"]\n'


def problems(tmp_path: Path, text: str) -> str:
    file = tmp_path / "hoop.toml"
    file.write_text(text)
    try:
        load(file)
    except ConfigurationError as error:
        return "\n".join(error.problems)
    return ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ""),
        ('issuer = "corp"\nsubjects = ["system:serviceaccount:hoop:agent"]', ""),
        ('issuer = "corp"\ngroups = ["agents"]\njoin_tokens = false\nsources = ["10.0.0.0/8"]', ""),
        ('issuer = "corp"', "agents.0.subjects: is missing"),
        ('issuer = "crop"\ngroups = ["agents"]', 'no issuer has this name. did you mean "corp"?'),
        ("join_tokens = false", "nobody can be this agent"),
        ('subjects = ["x"]', "agents.0.subjects: says nothing without issuer"),
        ('issuer = "corp"\nsubjects = ["a("]', "agents.0.subjects.0: not an RE2 pattern"),
        ('issuer = "corp"\ngroups = [" "]', "agents.0.groups: is empty"),
        ('sources = ["10.0.0.1/8"]', "agents.0.sources.0"),
        ('certificate_lifetime = "1s"', "agents.0.certificate_lifetime"),
        ('subject = ["x"]', "agents.0.subject: unknown key"),
    ],
)
def test_one_agent(tmp_path: Path, text: str, told: str) -> None:
    found = problems(tmp_path, f'{ISSUER}[[agents]]\nname = "office"\n{text}\n')
    assert told in found and bool(told) == bool(found)


@pytest.mark.parametrize("name", ["", "Office", "a:b", "../x", "a b", "ä", "x" * 64, "-a"])
def test_names_are_of_one_strict_form(tmp_path: Path, name: str) -> None:
    assert "agents.0.name" in problems(tmp_path, f'[[agents]]\nname = "{name}"\n')


def test_two_of_one_name_are_one_too_many(tmp_path: Path) -> None:
    assert "agents.0 already" in problems(tmp_path, '[[agents]]\nname = "a"\n[[agents]]\nname = "a"\n')


TARGET = """\
[[targets]]
name = "shop"
protocol = "http"
endpoint = "agent:{agent}:tcp:db.internal:5432"
tls = "disable"
groups = ["dev"]
"""


def test_an_agent_that_is_not_configured_does_not_exist(tmp_path: Path) -> None:
    agent = '[[agents]]\nname = "office"\n'
    assert problems(tmp_path, agent + TARGET.format(agent="office")) == ""
    told = problems(tmp_path, agent + TARGET.format(agent="ofice"))
    assert "targets.0.endpoint: there is no agent 'ofice'" in told and 'did you mean "office"?' in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('peers = "tcp:7081:interface=10.0.0.5"', ""),
        ('peers = "tcp:7081"\npeers_address = "hoop-1.internal:7081"', ""),
        ('peers = "tcp:7081"', "gateway.peers: listens everywhere"),
        ('peers = "unix:/run/x"', "gateway.peers: is for other machines"),
        ('peers = "systemd:domain=INET:index=0"', "gateway.peers: write tcp:"),
        ('peers = "tcp:99999"', "gateway.peers: a port is"),
        ('peers_address = "hoop-1.internal:7081"', "gateway.peers_address: says nothing without peers"),
    ],
)
def test_where_replicas_reach_one_another(tmp_path: Path, text: str, told: str) -> None:
    found = problems(tmp_path, f"[gateway]\n{text}\n")
    assert told in found and bool(told) == bool(found)
