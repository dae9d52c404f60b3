"""Secret values and references."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.secret import Secret, problem_with, split_reference


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
    for candidate in (text, "env:" + text, "file:" + text, "vault:a/" + text, "vault:a/b#" + text):
        try:
            scheme, rest = split_reference(candidate)
        except SecretUnavailable:
            assert problem_with(candidate)
        else:
            assert f"{scheme}:{rest}" == candidate
