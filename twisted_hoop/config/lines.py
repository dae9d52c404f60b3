"""TOML text → values, and the line every key stands on. Problems are gathered, never raised one by one.

tomllib reads the values; tree-sitter's TOML grammar says where they stand. A key is a path as pydantic writes it:
`("targets", 0, "limits", "idle")`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Union

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

Key = tuple[Union[str, int], ...]

_KEYS = frozenset({"bare_key", "quoted_key", "dotted_key"})
_TABLES = frozenset({"table", "table_array_element"})
_AT_LINE = re.compile(r" \(at line ([0-9]+), column [0-9]+\)$")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that must be changed: where, and what to do. `line` 0 means: where the key stands."""

    key: Key
    what: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A read file: its values, its keys' lines (from 1), and what is wrong with its syntax."""

    data: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[Key, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def line(self, problem: Problem) -> int:
        """The line of a problem: that of its key, or of the nearest table around a key that is missing; else 1."""
        if problem.line:
            return problem.line
        for length in range(len(problem.key), 0, -1):
            if line := self.lines.get(problem.key[:length]):
                return line
        return 1


def read_toml(text: str) -> Document:
    """Read a text. With problems of syntax, there are no values."""
    root = Parser(Language(tree_sitter_toml.language())).parse(text.encode("utf-8", "surrogatepass")).root_node
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        return Document(problems=tuple(_syntax(error, root, text)))
    return Document(data, _Lines(root).found)


def _syntax(error: Exception, root: Node, text: str) -> Iterator[Problem]:
    """tomllib stops at the first error; the grammar recovers and knows of others."""
    said = str(error) or type(error).__name__
    match = _AT_LINE.search(said)
    first = int(match[1]) if match else max(1, len(text.splitlines()))
    yield Problem((), f"not TOML: {_AT_LINE.sub('', said)}", first)
    lines = dict.fromkeys(node.start_point.row + 1 for node in _errors(root))
    yield from (Problem((), "not TOML here either", line) for line in lines if line > first)


def _errors(root: Node) -> Iterator[Node]:
    nodes = [root]
    while nodes:
        node = nodes.pop()
        if node.is_error or node.is_missing:
            yield node
        elif node.has_error:
            nodes.extend(reversed(node.children))


class _Lines:
    """Walks the syntax tree of a valid document once and notes where every key stands."""

    def __init__(self, root: Node) -> None:
        self.found: dict[Key, int] = {}
        self._counts: dict[Key, int] = {}
        for node in root.named_children:
            if node.type in _TABLES:
                self._table(node)
            elif node.type == "pair":
                self._pair(node, ())

    def _table(self, node: Node) -> None:
        name, *pairs = (child for child in node.named_children if child.type != "comment")
        key = self._resolve(_names(name))
        if node.type == "table_array_element":
            number = self._counts[key] = self._counts.get(key, -1) + 1
            self._note(key, node)
            key = (*key, number)
        self._note(key, node)
        for pair in pairs:
            self._pair(pair, key)

    def _resolve(self, names: Iterator[str]) -> Key:
        """`[targets.limits]` means the limits of the last element of `[[targets]]` so far."""
        key: Key = ()
        for name in names:
            if key in self._counts:
                key = (*key, self._counts[key])
            key = (*key, name)
        return key

    def _pair(self, node: Node, around: Key) -> None:
        name, value = (child for child in node.named_children if child.type != "comment")
        key = around
        for part in _names(name):
            key = (*key, part)
            self._note(key, node)
        self._value(value, key)

    def _value(self, node: Node, key: Key) -> None:
        if node.type == "inline_table":
            for child in node.named_children:
                if child.type == "pair":
                    self._pair(child, key)
        elif node.type == "array":
            elements = [child for child in node.named_children if child.type != "comment"]
            for number, element in enumerate(elements):
                self._note((*key, number), element)
                self._value(element, (*key, number))

    def _note(self, key: Key, node: Node) -> None:
        self.found.setdefault(key, node.start_point.row + 1)


def _names(node: Node) -> Iterator[str]:
    if node.type == "dotted_key":
        for child in node.named_children:
            yield from _names(child)
    elif node.type in _KEYS and node.text is not None:
        text = node.text.decode()
        yield next(iter(tomllib.loads(f"{text} = 0"))) if node.type == "quoted_key" else text
