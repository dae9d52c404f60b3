"""The words of docs/glossary.md stand in the code, and their banned synonyms do not."""

from __future__ import annotations

import re
from functools import lru_cache

import pytest

from tests.support.source import REPOSITORY, modules, public

ROW = re.compile(r"^\| \*\*(?P<word>[^*]+)\*\* \|(?P<means>[^|]+)\| (?P<code>[^|]+) \|(?P<banned>[^|]*)\|$", re.M)
ROWS = [m.groupdict() for m in ROW.finditer((REPOSITORY / "docs" / "glossary.md").read_text())]


@lru_cache
def names() -> set[str]:
    """Every public name, and every module's."""
    found = {module.name for module in modules()}
    for module in modules():
        found |= {name.rpartition(".")[2] for name, _ in public(module.tree.body)}
    return found


def words_of(name: str) -> str:
    """`AuditLog`, `audit_log` → `audit log`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", name).lower()


def test_there_are_words() -> None:
    assert len(ROWS) > 20


@pytest.mark.parametrize("row", ROWS, ids=[row["word"] for row in ROWS])
def test_a_word_stands_in_the_code(row: dict[str, str]) -> None:
    for code in re.findall(r"`([^`]+)`", row["code"]):
        assert code in names(), code


@pytest.mark.parametrize("row", ROWS, ids=[row["word"] for row in ROWS])
def test_its_synonyms_are_not_used(row: dict[str, str]) -> None:
    """In names; prose may need them."""
    banned = [word.strip() for word in row["banned"].split(",") if word.strip()]
    used = [name for name in names() for word in banned if re.search(rf"\b{word}\b", words_of(name))]
    assert used == []
