"""awk and sed, read far enough to tell the usual one-liners from code that opens files or runs something (C1)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from twisted_hoop.shell.doing import Doing
from twisted_hoop.shell.handling import Handler, Runs
from twisted_hoop.shell.options import Options, Unreadable, given, takes, words
from twisted_hoop.shell.walk import Ends


def awk(runner: Runs, doing: Doing) -> Ends | None:
    """awk: its program must be one that only looks at its input and prints."""
    found = given(_AWK, doing.argv)
    if found.has("f", "file", "e", "source", "i", "include", "l", "load", "E", "exec", "o", "p", "d", "D"):
        raise Unreadable("awk code that is not looked into")
    operands = doing.argv[found.rest :]
    if not operands:
        return None
    program = operands[0]
    doing.told.add(found.rest)
    if not program.literal or not _is_plain_awk(program.text):
        raise Unreadable("awk code that may do more than print")
    return None


_AWK = takes("PcCghnNOrsStV", "FvfeilEodpDb", "posix traditional re-interval sandbox lint",
             "field-separator assign file source include load exec")  # fmt: skip
_AWK_TOKEN = re.compile(
    r"\"(?:[^\"\\\n]|\\.)*\"|/(?:[^/\\\n]|\\.)+/|[A-Za-z_][A-Za-z0-9_]*|[0-9.]+|&&|\|\||[-+*%^!=~<(){}\[\],;:?$/&\s]",
    re.S,
)
_AWK_REFUSED = words("system getline close fflush ARGV ARGC ENVIRON PROCINFO SYMTAB FUNCTAB nextfile extension")


def _is_plain_awk(program: str) -> bool:
    """No pipe, no `>` (output to a file, or a comparison: not told apart), nothing that opens or runs."""
    at = 0
    while at < len(program):
        match = _AWK_TOKEN.match(program, at)
        if match is None or match[0] in _AWK_REFUSED:
            return False
        at = match.end()
    # A slash may divide or begin a pattern: with several, what is text and what is code is not certain.
    return program.count("/") <= 2 or ("|" not in program and ">" not in program and "system" not in program)


def sed(runner: Runs, doing: Doing) -> Ends | None:
    """sed: its script must be of commands that only edit."""
    found = given(_SED, doing.argv)
    if found.has("f", "file"):
        raise Unreadable("a sed script that is not looked into")
    scripts = found.values("e", "expression")
    if not scripts and found.rest < len(doing.argv):
        scripts = [doing.argv[found.rest]]
    doing.told.update(n for n, value in enumerate(doing.argv) if value in scripts)
    if any(not value.literal or not _is_plain_sed(value.text) for value in scripts):
        raise Unreadable("a sed script that may read, write or run something")
    return None


_SED = Options("nrEsuzbi", "efl", words("quiet silent regexp-extended separate unbuffered null-data posix debug"
               " in-place sandbox help version"), words("expression file line-length"))  # fmt: skip
_ADDRESS = r"(?:(?:[0-9]+(?:~[0-9]+)?|\$|/(?:[^/\\\n]|\\.)*/I?)(?:,(?:\+?[0-9]+|\$|/(?:[^/\\\n]|\\.)*/I?))?!?)?"
_BETWEEN = r"(?:(?!(?P=d))[^\\\n]|\\.)*(?P=d)"
_SED_COMMAND = re.compile(
    rf"[\s;]*{_ADDRESS}\s*(?:[dDpPqQ=hHgGxnNl]|[sy](?P<d>[^\w\s\\;]){_BETWEEN}{_BETWEEN}[gpiI0-9]*)\s*(?=[;\n]|\Z)",
    re.S,
)


def _is_plain_sed(text: str) -> bool:
    at = 0
    while text[at:].strip(" \t\n;"):
        match = _SED_COMMAND.match(text, at)
        if match is None:
            return False
        at = match.end()
    return True


EDITORS: Mapping[str, Handler] = {
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk", "original-awk"), awk),
    **dict.fromkeys(("sed", "gsed", "ssed"), sed),
}
"""Program → who looks at its code."""
