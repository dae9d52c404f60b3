from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from twisted_hoop.config.lines import Key, Problem, read_toml

TEXT = """\
# a comment
title = "x"
a.b.c = 1
"quoted \\u00e4" = 2
'literal' = 3

[gateway]  # another
name = "hoop"

[[targets]]
name = "one"
groups = [
  "first",  # why
  # nothing
  "second",
]
[targets.limits]
idle = "5m"

[[targets]]
name = "two"
labels = { env = "prod", tier.x = "1" }
[targets.limits]
session = "1h"
[[targets.parts]]
x = 1
[[targets.parts]]
x = 2
"""


def test_every_key_has_its_line() -> None:
    lines = read_toml(TEXT).lines
    expected: dict[Key, int] = {
        ("title",): 2,
        ("a", "b", "c"): 3,
        ("quoted ä",): 4,
        ("literal",): 5,
        ("gateway",): 7,
        ("gateway", "name"): 8,
        ("targets", 0): 10,
        ("targets", 0, "groups"): 12,
        ("targets", 0, "groups", 1): 15,
        ("targets", 0, "limits", "idle"): 18,
        ("targets", 1): 20,
        ("targets", 1, "labels", "env"): 22,
        ("targets", 1, "labels", "tier", "x"): 22,
        ("targets", 1, "limits", "session"): 24,
        ("targets", 1, "parts", 1, "x"): 28,
    }
    assert {key: lines[key] for key in expected} == expected


def test_a_missing_key_is_told_where_its_table_is() -> None:
    document = read_toml(TEXT)
    assert document.line(Problem(("targets", 1, "endpoint"), "")) == 20
    assert document.line(Problem(("nothing", "at all"), "")) == 1


def test_all_errors_of_syntax_are_told() -> None:
    document = read_toml('a = 1\nb = \nc = 3\nd = "open\ne = 5\n[x\n')
    assert document.data == {} and document.problems[0].line == 2
    assert len(document.problems) > 1
    assert all(p.line > 2 for p in document.problems[1:])


def test_an_error_at_the_end_is_on_the_last_line() -> None:
    assert read_toml("a = 1\nb = [").problems[0].line == 2


@given(st.text())
@settings(max_examples=200)
def test_any_text_is_values_or_problems(text: str) -> None:
    document = read_toml(text)
    try:
        assert tomllib.loads(text) == document.data
    except ValueError:
        assert document.problems and not document.data


_keys = st.text(st.sampled_from("abz-_ .\"'ä\n"), min_size=1, max_size=4)
_leaves = st.one_of(st.integers(0, 9), st.booleans(), st.text(max_size=5))
_values = st.recursive(_leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3))


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value).lower() if isinstance(value, (bool, int)) else _text(value)


def _text(value: str) -> str:
    return '"' + "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in value) + '"'


@given(st.dictionaries(_keys, _values, max_size=5))
@settings(max_examples=100)
def test_every_key_of_any_document_is_found(data: dict[str, Any]) -> None:
    document = read_toml("".join(f"{_text(k)} = {_toml(v)}\n" for k, v in data.items()))
    assert document.data == data
    for line, key in enumerate(data, 1):
        assert document.lines[(key,)] == line
