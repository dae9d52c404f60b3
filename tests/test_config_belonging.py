"""Keys that mean nothing to a target's protocol, and names that two targets share, are told."""

from __future__ import annotations

from typing import Any

import pytest

from twisted_hoop.config.belonging import check_belonging
from twisted_hoop.config.draft import make_draft

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"
SSH = {"name": "web-1", "protocol": "ssh", "endpoint": "tcp:web-1:22", "login": "deploy", "host_keys": [KEY]}
SHOP = {"name": "shop", "protocol": "postgres", "endpoint": "tcp:db:5432", "login": "hoop", "database": "shop"}


def problems(*targets: dict[str, Any]) -> dict[str, str]:
    """Key → what is wrong with it."""
    draft, malformed = make_draft({"targets": list(targets)})
    assert malformed == []
    return {".".join(map(str, problem.key)): problem.what for problem in check_belonging(draft)}


def test_what_belongs_is_no_problem() -> None:
    assert problems({**SSH, "names": [r"web-1\.internal"], "exec_only": True}, {**SHOP, "tls": "disable"}) == {}


@pytest.mark.parametrize(
    ("target", "key", "value"),
    [
        (SSH, "database", "x"), (SSH, "read_only", True), (SSH, "tls", "disable"), (SSH, "credential", "basic"),
        (SHOP, "exec_only", True), (SHOP, "host_keys", [KEY]), (SHOP, "logins", ["x"]), (SHOP, "names", ["x"]),
    ],
)  # fmt: skip
def test_R12_a_key_nobody_reads(target: dict[str, Any], key: str, value: Any) -> None:
    found = problems({**target, key: value})
    assert list(found) == [f"targets.0.{key}"] and "says nothing to a target of protocol" in found[f"targets.0.{key}"]


def test_S20_a_name_that_means_two_targets() -> None:
    other = {**SSH, "name": "web-2", "names": ["www.internal", "web-.*", "WEB-1", "www"]}
    found = problems({**SSH, "names": ["www", "www.internal"]}, other)
    assert set(found) == {"targets.1.names.0", "targets.1.names.2", "targets.1.names.3"}
    assert found["targets.1.names.2"] == "WEB-1 is a name of target web-1 already"


KUBE = {"name": "prod", "protocol": "kubernetes", "endpoint": "tcp:k8s:6443", "credential": "bearer"}


def test_impersonation_is_of_clusters() -> None:
    assert problems({**KUBE, "impersonate": "{subject}", "impersonate_groups": ["a"], "header": ""}) == {}
    assert "targets.0.impersonate" in problems({**SHOP, "impersonate": "{subject}"})


def test_I4_two_issuers_make_two_users() -> None:
    """I4: the same subject of another issuer is somebody else."""
    issuers = [{"name": name, "issuer": f"https://{name}.example", "audience": ["hoop"]} for name in ("a", "b")]
    for template, wrong in (("oidc:{subject}", True), ("{issuer}#{subject}", False), ("", False)):
        draft, malformed = make_draft({"issuers": issuers, "targets": [{**KUBE, "impersonate": template}]})
        assert malformed == [] and bool(list(check_belonging(draft))) is wrong
