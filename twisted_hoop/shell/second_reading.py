"""A second, independent reading: tree-sitter's grammar of bash must see commands where ours does (C1).

Ours decides what a command line does. This one only objects: to what it cannot parse, and to a command that begins
where ours sees none, or the other way round. A mistake in one of the two grammars then refuses, and admits nothing.
"""

from __future__ import annotations

import tree_sitter_bash
from tree_sitter import Language, Node, Parser, Query, QueryCursor

from twisted_hoop.shell.tree import Seen

_LANGUAGE = Language(tree_sitter_bash.language())
_QUERY = """
(command name: (command_name) @name)
(declaration_command) @name
(unset_command) @name
(test_command "[") @test
(ERROR) @error
(MISSING) @error
"""


class SecondReading:
    """The grammar, ready for use; not to be shared between threads."""

    def __init__(self) -> None:
        self._parser = Parser(_LANGUAGE)
        self._query = Query(_LANGUAGE, _QUERY)

    def objection(self, text: bytes, seen: Seen) -> str:
        """Why the text must not be taken as understood; "" when both readings agree."""
        root = self._parser.parse(text).root_node
        captures = QueryCursor(self._query).captures(root)
        if root.has_error or "error" in captures:
            return "the second reading does not parse it"
        names = {node.start_byte for kind in ("name", "test") for node in captures.get(kind, ())}
        for start, end in seen.blind:
            names = {name for name in names if not start < name < end}
        if names != seen.names:
            return "two readings of it see different commands"
        return ""


__all__ = ["Node", "SecondReading"]
