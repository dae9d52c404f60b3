"""Settings that are guarded, by name and value."""

from __future__ import annotations

import pytest

from twisted_hoop.sql.guarded import PRIVILEGED, setting_class


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("work_mem", "1MB", "session"),
        ("client_encoding", "UTF8", "session"),
        ("client_encoding", "utf-8", "session"),
        ("client_encoding", "SJIS", "encoding"),
        ("client_encoding", "", "encoding"),
        ("client_encoding", None, "session"),
        ("standard_conforming_strings", "ON", "session"),
        ("standard_conforming_strings", "off", "encoding"),
        ("standard_conforming_strings", "?", "encoding"),
        ("role", None, "privilege"),
    ],
)
def test_classes(name: str, value: str | None, expected: str) -> None:
    """P16"""
    assert setting_class(name, value) == expected


def test_every_setting_of_who_one_is_is_a_privilege() -> None:
    """P13"""
    for name in PRIVILEGED:
        assert setting_class(name, "x") == "privilege"
