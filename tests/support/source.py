"""The package's own source, read for the tests that hold rules against it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent.parent
PACKAGE = REPOSITORY / "twisted_hoop"


@dataclass(frozen=True)
class Module:
    """One file. `name` is dotted and begins behind the package: `postgres.relay`; the package itself is ""."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        """Its folder, or itself when it stands at the top."""
        return self.name.partition(".")[0]

    def imports(self) -> Iterator[str]:
        """Everything it imports, wherever in the file, as full dotted names of modules or of what is in them."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def rooms(self) -> set[str]:
        """The other rooms it imports from."""
        inner = (name.split(".")[1] for name in self.imports() if name.startswith("twisted_hoop."))
        return {room for room in inner if room != self.room}


@lru_cache
def modules() -> tuple[Module, ...]:
    """Every module of the package."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        text = path.read_text()
        found.append(Module(".".join(p for p in parts if p != "__init__"), path, text, ast.parse(text)))
    return tuple(found)


def public(
    body: list[ast.stmt], prefix: str = ""
) -> Iterator[tuple[str, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Public classes, functions and methods, with their names."""
    for node in body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{node.name}.")
