"""Secret values and references."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.secret import (
    MAX_SECRET,
    Login,
    Secret,
    login_of,
    makes_logins,
    problem_with,
    problem_with_login,
    problem_with_signer,
    secret_of,
    split_reference,
)

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/db-AbCdEf"


def test_R11_a_secret_does_not_show_itself() -> None:
    secret = Secret("hunter2")
    assert secret == "hunter2" and secret.encode() == b"hunter2"
    assert "hunter2" not in repr(secret) and "hunter2" not in repr([secret]) and "hunter2" not in f"{secret!r}"


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("env:DB_PASSWORD", ("env", "DB_PASSWORD")),
        ("file:/run/secrets/db", ("file", "/run/secrets/db")),
        ("file:C:odd", ("file", "C:odd")),
        ("vault:secret/shop#password", ("vault", "secret/shop#password")),
        ("vault:kv-2/team.a/data/shop#pass-word", ("vault", "kv-2/team.a/data/shop#pass-word")),
        ("vault:secret/..a/b#c", ("vault", "secret/..a/b#c")),
        ("systemd:db-password", ("systemd", "db-password")),
        ("k8s:shop/db.credentials#tls.key", ("k8s", "shop/db.credentials#tls.key")),
        ("aws-sm:shop/db", ("aws-sm", "shop/db")),
        ("aws-sm:shop/db#password", ("aws-sm", "shop/db#password")),
        (f"aws-sm:{ARN}#password", ("aws-sm", f"{ARN}#password")),
    ],
)
def test_references(reference: str, parts: tuple[str, str]) -> None:
    assert problem_with(reference) == ""
    assert split_reference(reference) == parts


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "hunter2",
        "ENV:X",
        "env:",
        "env:A B",
        "env:1A",
        "file:",
        "file:a\0b",
        "vault:secret",
        "vault:secret/shop",
        "vault:secret/shop#",
        "vault:/shop#x",
        "vault:secret/../sys/raw#x",
        "vault:secret/shop?version=1#x",
        "vault:secret//shop#x",
        "vault:secret/./shop#x",
        "vault:secret/shop/..#x",
        "vault:secret/%2e%2e/sys#x",
        "vault:database/creds/shop",
        "vault-ssh:ssh/role",
        "aws-rds-iam:",
        "systemd:",
        "systemd:..",
        "systemd:../x",
        "systemd:a/b",
        "k8s:shop",
        "k8s:shop/db",
        "k8s:shop/../x#y",
        "k8s:../../x#y",
        "k8s:Shop/db#x",
        "k8s:shop/db#..",
        "k8s:shop/db#a/b",
        "k8s:shop/db?x=1#y",
        "aws-sm:",
        "aws-sm:a b",
        "aws-sm:a#",
        "aws-sm:arn:aws:s3:::bucket",
        "env:A\n",
        "vault:a/b#c\n",
        "postgres://u:hunter2@h",
    ],
)
def test_what_is_no_reference_is_refused_without_being_quoted(reference: str) -> None:
    assert problem_with(reference)
    with pytest.raises(SecretUnavailable) as caught:
        split_reference(reference)
    assert "hunter2" not in str(caught.value)


@given(st.text())
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    for candidate in (
        text,
        "env:" + text,
        "file:" + text,
        "vault:a/" + text,
        "k8s:a/b#" + text,
        "aws-sm:" + text,
        "systemd:" + text,
    ):
        try:
            scheme, rest = split_reference(candidate)
        except SecretUnavailable:
            assert problem_with(candidate)
        else:
            assert f"{scheme}:{rest}" == candidate


def test_what_makes_log_ins_and_what_signs_keys() -> None:
    for reference in ("vault:database/creds/shop", "vault:team/db/static-creds/app"):
        assert problem_with_login(reference) == "" and makes_logins(reference) and problem_with(reference)
    for reference in (
        "env:X",
        "vault:secret/shop#password",
        "aws-rds-iam:",
        "aws-rds-iam:eu-central-1",
        f"aws-sm:{ARN}",
    ):
        assert problem_with_login(reference) == "" and not makes_logins(reference)
    for reference in (
        "vault:database/creds",
        "vault:database/../creds/x",
        "vault:creds/x",
        "aws-rds-iam:x",
        "vault-ssh:a/b",
    ):
        assert problem_with_login(reference)
    assert problem_with_signer("vault-ssh:ssh-client-signer/hosts") == problem_with_signer("vault-ssh:a/b/c") == ""
    for reference in ("", "vault-ssh:hosts", "vault-ssh:ssh/../x", "vault:ssh/hosts#x", "hunter2"):
        assert problem_with_signer(reference) and "hunter2" not in problem_with_signer(reference)


@given(st.one_of(st.text(), st.none(), st.integers(), st.lists(st.text())))
def test_any_value_is_a_secret_or_refused(value: object) -> None:
    try:
        found = secret_of(value, "x")
    except SecretUnavailable:
        assert not isinstance(value, str) or not value or "\0" in value or not _encodable(value)
    else:
        assert found == value and repr(found) == "Secret('…')"


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def test_sizes_and_log_ins() -> None:
    assert secret_of("x" * MAX_SECRET, "x")
    for large in ("x" * (MAX_SECRET + 1), "ä" * MAX_SECRET):
        with pytest.raises(SecretUnavailable, match="larger"):
            secret_of(large, "x")
    login = login_of("app", "hunter2", "x")
    assert login == Login("app", "hunter2") and repr(login) == "Login('app', Secret('…'))"
    for user, password in (("a\n", "x"), ("a", "x\n"), ("a\0b", "x"), ("ä" * 32, "x"), ("", "x"), ("a", None)):
        with pytest.raises(SecretUnavailable):
            login_of(user, password, "x")
