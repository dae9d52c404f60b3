"""What a configuration says of where secrets come from, and what cannot work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from twisted_hoop.config import load
from twisted_hoop.config.draft import make_draft
from twisted_hoop.config.files import absolute, check_files
from twisted_hoop.config.secrets import check_secrets, check_target_secret, problem_with_target_secret
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.settings import Settings, TargetSection

PASSWORD = "hunter2-as-it-is"


def told_of_vault(**section: Any) -> list[str]:
    draft, problems = make_draft({"vault": section})
    assert problems == []
    return [str(problem.key[-1]) for problem in check_secrets(draft)]


def test_each_way_to_log_in_at_vault_has_its_keys() -> None:
    assert told_of_vault() == told_of_vault(auth="kubernetes", role="r") == []
    assert told_of_vault(auth="approle", role_id="r", secret_id="file:x", mount="a/b") == []
    assert told_of_vault(auth="jwt", role="r", jwt="systemd:token") == []
    assert told_of_vault(auth="approle") == ["role_id", "secret_id"]
    assert told_of_vault(auth="jwt") == ["role", "jwt"]
    assert told_of_vault(role="r", jwt="env:X") == ["role", "jwt"]
    assert told_of_vault(auth="approle", role_id="r", secret_id="vault:secret/a#b") == ["secret_id"]
    assert told_of_vault(auth="approle", role_id="r", secret_id=PASSWORD) == ["secret_id"]
    assert told_of_vault(auth="kubernetes", role="r", jwt="env:X") == ["jwt"]


def test_R11_secrets_do_not_cross_the_wire_in_the_clear() -> None:
    """R11: plain http to loopback alone, for Vault and for AWS."""
    assert told_of_vault(address="http://vault.internal:8200") == ["address"]
    assert told_of_vault(address="http://127.0.0.1:8200") == told_of_vault(address="https://vault:8200") == []
    draft, _ = make_draft({"secrets": {"aws": {"endpoint": "http://x"}}})
    assert [problem.key for problem in check_secrets(draft)] == [("secrets", "aws", "endpoint")]


def target(**changed: Any) -> TargetSection:
    usual = {"name": "shop", "protocol": "postgres", "endpoint": "tcp:db:5432", "login": "app", "groups": ["*"]}
    return TargetSection.model_validate({**usual, **changed})


def told(**changed: Any) -> list[str]:
    return [str(problem.key[-1]) for problem in check_target_secret(("targets", 0), target(**changed))]


@pytest.mark.parametrize(
    ("changed", "keys"),
    [
        ({}, []),
        ({"secret": "k8s:shop/db#password"}, []),
        ({"secret": "vault:database/creds/shop", "login": ""}, []),
        ({"secret": "vault:database/creds/shop", "login": "", "lease": "shared"}, []),
        ({"secret": "vault:database/creds/shop"}, ["login"]),
        ({"secret": "env:X", "lease": "shared"}, ["lease"]),
        ({"secret": "aws-rds-iam:eu-central-1"}, []),
        ({"secret": "aws-rds-iam:", "tls": "disable"}, ["tls"]),
        ({"secret": "aws-rds-iam:", "endpoint": "unix:/run/x"}, ["endpoint"]),
        ({"secret": PASSWORD}, ["secret"]),
        ({"secret": "vault-ssh:ssh/r"}, ["secret"]),
        ({"protocol": "ssh", "login_with": "certificate", "secret": "vault-ssh:ssh/r"}, []),
        ({"protocol": "ssh", "login_with": "certificate", "secret": "env:X"}, ["secret"]),
        ({"protocol": "ssh", "login_with": "key", "secret": "vault-ssh:ssh/r"}, ["secret"]),
        ({"protocol": "ssh", "secret": "vault:database/creds/shop"}, ["secret"]),
        ({"protocol": "http", "secret": "aws-rds-iam:"}, ["secret"]),
        ({"protocol": "http", "secret": "aws-sm:shop/token#value"}, []),
    ],
)
def test_a_target_takes_what_its_protocol_can_use(changed: dict[str, Any], keys: list[str]) -> None:
    assert told(**changed) == keys
    assert PASSWORD not in problem_with_target_secret(target(**changed))


def test_R11_a_password_in_a_references_place_is_not_quoted(tmp_path: Path) -> None:
    """R11: `hoop config check` prints what is wrong, and logs keep it."""
    file = tmp_path / "hoop.toml"
    file.write_text(
        f'[gateway]\nstate = "{tmp_path}"\n[vault]\nauth = "approle"\nrole_id = "r"\nsecret_id = "{PASSWORD}"\n'
        '[[targets]]\nname = "a"\nprotocol = "postgres"\nendpoint = "tcp:a:1"\nlogin = "x"\ndatabase = "y"\n'
        f'secret = "{PASSWORD}"\ngroups = ["*"]\n'
    )
    with pytest.raises(ConfigurationError) as caught:
        load(file)
    assert "targets.0.secret" in str(caught.value) and "vault.secret_id" in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_files_are_taken_from_the_configurations_folder_and_looked_at(tmp_path: Path) -> None:
    given = Settings.model_validate({
        "gateway": {"state": str(tmp_path)},
        "vault": {"auth": "approle", "role_id": "r", "secret_id": "file:id", "ca": "ca.pem"},
        "secrets": {"kubernetes": {"kubeconfig": "kubeconfig"}},
    })  # fmt: skip
    placed = absolute(given, tmp_path)
    assert placed.vault.secret_id == f"file:{tmp_path}/id" and placed.vault.ca == f"{tmp_path}/ca.pem"
    assert placed.secrets.kubernetes.kubeconfig == f"{tmp_path}/kubeconfig"
    assert len(check_files(placed)) >= 3
    tmp_path.chmod(0o700)
    for name in ("id", "ca.pem", "kubeconfig"):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(0o600)
    assert check_files(placed) == []
    (tmp_path / "id").chmod(0o644)
    assert [line.partition(":")[0] for line in check_files(placed)] == ["vault.secret_id"]
