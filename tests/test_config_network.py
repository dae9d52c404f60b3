"""Listeners and targets: what each protocol wants of them."""

from __future__ import annotations

import pytest

from tests.support.config import WELL, problems
from twisted_hoop.config.network import problem_with_key, problem_with_template

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFVKkoUSDVuJRayMWnBPQQYVDMpK02PTKrzr1ZeBRpLp"
SSH_TARGET = """
[[targets]]
name = "web-1"
protocol = "ssh"
endpoint = "tcp:web-1:22"
groups = ["sre"]
"""
CERTIFICATE = f'login = "deploy"\nlogin_with = "certificate"\nhost_keys = ["{KEY}"]\n'
HTTP_TARGET = """
[[targets]]
name = "orders"
protocol = "http"
endpoint = "tcp:orders:443"
groups = ["sre"]
"""
KUBE = """
[[targets]]
name = "prod"
protocol = "kubernetes"
endpoint = "tcp:k8s.internal:6443"
credential = "bearer"
secret = "env:A"
groups = ["a"]
"""
A = '[[issuers]]\nname = "a"\nissuer = "https://a.example"\naudience = ["hoop"]\n'


@pytest.mark.parametrize(
    "text",
    [
        SSH_TARGET + CERTIFICATE,
        HTTP_TARGET,
        HTTP_TARGET + 'names = ["orders.gw"]\ncredential = "basic"\nlogin = "me"\nsecret = "env:X"\n',
        HTTP_TARGET + 'credential = "certificate"\ncertificate = "a.pem"\nkey = "a.key"\n',
        '[[listeners]]\nname = "w"\nprotocol = "http"\nendpoint = "tcp:1"\ncertificate = "a"\nkey = "b"\n',
        SSH_TARGET + f'logins = ["deploy"]\nsecret = "env:KEY"\nlogin_with = "key"\nhost_ca = ["{KEY}"]\n',
        '[[listeners]]\nname = "s"\nprotocol = "ssh"\nendpoint = "tcp:2222"\nauth = ["certificate", "key"]\n',
        f'[[accounts]]\nname = "ci"\nssh_keys = ["{KEY} comment"]\n',
        '[[listeners]]\nname="s"\nprotocol="ssh"\nendpoint="tcp:22"\nissuer="a"\nauth=["device"]\n'
        + A
        + 'client_id="x"\n',
    ],
)
def test_what_is_well_is_well(text: str) -> None:
    assert problems(WELL + text) == []


@pytest.mark.parametrize(
    ("text", "key", "part"),
    [
        (HTTP_TARGET + 'credential = "bearer"\n', "targets.1.secret", "is missing"),
        (HTTP_TARGET + 'credential = "header"\nsecret = "env:X"\n', "targets.1.header", "is missing"),
        (HTTP_TARGET + 'credential = "header"\nsecret = "env:X"\nheader = "Host"\n', "targets.1.header", "connection"),
        (HTTP_TARGET + 'credential = "certificate"\n', "targets.1.certificate", "is missing"),
        (HTTP_TARGET + 'secret = "env:X"\n', "targets.1.secret", "of no use"),
        ('[[listeners]]\nname = "w"\nprotocol = "http"\nendpoint = "tcp:1"\n', "listeners.1.certificate", "is missing"),
        (SSH_TARGET + 'login = "a"\nlogin_with = "certificate"\n', "targets.1.host_keys", "ssh-keyscan"),
        (SSH_TARGET + CERTIFICATE.replace("AAAA", "BBBB"), "targets.1.host_keys.0", "ssh-keygen"),
        (SSH_TARGET + CERTIFICATE.replace("login =", "database ="), "targets.1.login", "account"),
        (SSH_TARGET + CERTIFICATE + 'secret = "env:A"\n', "targets.1.secret", "no use"),
        (SSH_TARGET + CERTIFICATE.replace("certificate", "key"), "targets.1.secret", "the key"),
        (SSH_TARGET + CERTIFICATE + "names = ['(']\n", "targets.1.names.0", ")"),
        ('[[listeners]]\nname="s"\nprotocol="ssh"\nendpoint="tcp:22"\nauth=["scram"]\n', "listeners.1.auth", "scram"),
        (
            '[[listeners]]\nname="s"\nprotocol="ssh"\nendpoint="tcp:22"\ncertificate="a"\nkey="b"\n',
            "listeners.1.certificate",
            "[ssh]",
        ),
        (
            '[[listeners]]\nname="s"\nprotocol="ssh"\nendpoint="tcp:22"\nauth=["device"]\n',
            "listeners.1.auth",
            "client_id",
        ),
        (
            '[[listeners]]\nname="s"\nprotocol="ssh"\nendpoint="tcp:22"\nissuer="a"\n' + A,
            "listeners.1.issuer",
            "client_id",
        ),
        (KUBE.replace("bearer", "none"), "targets.1.credential", "bearer"),
        (KUBE.replace('secret = "env:A"', ""), "targets.1.secret", "is missing"),
        (KUBE + 'impersonate = "everybody"\n', "targets.1.impersonate", "the same user"),
        (KUBE + 'impersonate = "{sub}"\n', "targets.1.impersonate", "{subject}"),
        (KUBE + 'impersonate = "system:{name}"\n', "targets.1.impersonate", "cluster"),
        (KUBE + 'impersonate_groups = ["a"]\n', "targets.1.impersonate_groups", "says nothing"),
        (KUBE + 'impersonate = "{subject}"\nimpersonate_groups = ["("]\n', "targets.1.impersonate_groups.0", ")"),
        ('[[accounts]]\nname = "ci"\nssh_keys = ["nonsense"]\n', "accounts.0.ssh_keys.0", "ssh-keygen"),
        ('[[accounts]]\nname = "ci"\n', "accounts.0", "ssh_keys"),
    ],
)
def test_what_is_wrong_is_told_with_its_key(text: str, key: str, part: str) -> None:
    """C5, S17: what cannot be checked later is refused when the configuration is read."""
    found = [line for line in problems(WELL + text) if f" {key}: " in f" {line}" and part in line]
    assert found, problems(WELL + text)


def test_a_public_key_is_one() -> None:
    assert problem_with_key(KEY) == ""
    assert problem_with_key("-----BEGIN OPENSSH PRIVATE KEY-----")


def test_a_cluster_that_is_well_is_no_problem() -> None:
    assert problems(WELL + KUBE + 'impersonate = "{subject}"\n') == []
    assert problem_with_template("{issuer}#{subject}") == ""


AGENTS = """
[[listeners]]
name = "agents"
protocol = "agent"
endpoint = "tcp:7443"
certificate = "a.pem"
key = "a.key"
[[agents]]
name = "office"
"""


def test_targets_behind_agents() -> None:
    behind = HTTP_TARGET.replace("tcp:orders", "agent:office:tcp:orders")
    assert problems(WELL + AGENTS + behind) == []
    told = problems(WELL + AGENTS + behind.replace("office", "ofice"))
    assert any("no agent is called ofice" in line and "office" in line for line in told)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ('certificate = "a.pem"\nkey = "a.key"\n', "", "certificate: is missing"),
        ('protocol = "agent"', 'protocol = "agent"\nauth = ["token"]', "says nothing to agents"),
    ],
)
def test_listeners_of_agents(old: str, new: str, part: str) -> None:
    """Off loopback TLS is a must."""
    assert any(part in line for line in problems(WELL + AGENTS.replace(old, new, 1)))
