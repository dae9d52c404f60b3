"""Which start-up parameters of a client reach the target: an allow-list, for they change what statements mean (P4)."""

from __future__ import annotations

import re
import shlex

from twisted_hoop.errors import ProtocolError

_UTF8 = {"utf8", "utf-8", "unicode", "'utf8'", "'utf-8'"}
_FALSE = {"false", "off", "no", "0", "f", "n"}

ALLOWED = frozenset(
    {
        "application_name",
        "datestyle",
        "intervalstyle",
        "timezone",
        "extra_float_digits",
        "bytea_output",
        "search_path",
        "statement_timeout",
        "lock_timeout",
        "transaction_timeout",
        "idle_in_transaction_session_timeout",
        "idle_session_timeout",
        "geqo",
        "jit",
        "work_mem",
        "client_min_messages",
        "default_transaction_isolation",
        "tcp_keepalives_idle",
        "tcp_user_timeout",
        "plan_cache_mode",
    }
)
"""Names, in lower case. None of them changes how text is read or whose rights apply."""

_OPTION = re.compile(r"(?:-c\s*|--)([A-Za-z_][A-Za-z0-9_.]*|[A-Za-z_][A-Za-z0-9_-]*)=(.*)", re.DOTALL)


def for_target(parameters: dict[str, str], read_only: bool) -> dict[str, str]:
    """What is sent to the target. Raises ProtocolError with the SQLSTATE a client should see.

    client_encoding and standard_conforming_strings are pinned: the text must mean there what it means here (P16).
    """
    kept: dict[str, str] = {}
    for name, value in _flattened(parameters):
        _take(kept, name, value)
    kept["client_encoding"] = "UTF8"
    kept["standard_conforming_strings"] = "on"
    if read_only:
        kept["default_transaction_read_only"] = "on"
    return kept


def _take(kept: dict[str, str], name: str, value: str) -> None:
    lower = name.lower()
    if lower in ("user", "database"):
        return
    if lower == "replication":
        if value.lower() not in _FALSE:
            raise ProtocolError("replication connections are refused by this gateway", code="0A000")
    elif lower == "client_encoding":
        if value.lower() not in _UTF8:
            raise ProtocolError(f'client_encoding "{value}" is refused: this gateway speaks UTF8 only', code="0A000")
    elif lower == "standard_conforming_strings":
        if value.lower() in _FALSE:
            raise ProtocolError("standard_conforming_strings cannot be turned off here", code="0A000")
    elif lower in ALLOWED:
        kept[name] = value
    else:
        raise ProtocolError(f'start-up parameter "{name}" is not allowed through this gateway', code="42501")


def _flattened(parameters: dict[str, str]) -> list[tuple[str, str]]:
    """All parameters, those inside `options` (-c name=value, --name=value) in their place."""
    flat: list[tuple[str, str]] = []
    for name, value in parameters.items():
        if name == "options":
            flat += _options(value)
        else:
            flat.append((name, value))
    return flat


def _options(value: str) -> list[tuple[str, str]]:
    """`options` is split at white space, a backslash keeps the next character (protocol-flow, libpq `options`)."""
    lexer = shlex.shlex(value, posix=True)
    lexer.whitespace_split, lexer.quotes, lexer.commenters = True, "", ""
    try:
        words = list(lexer)
    except ValueError:
        raise ProtocolError("the start-up parameter options is malformed", code="42601") from None
    found: list[tuple[str, str]] = []
    joined = " ".join(words)
    if not joined.strip():
        return found
    for word in _switches(words):
        match = _OPTION.fullmatch(word)
        if match is None:
            raise ProtocolError(f'"{word}" in the start-up parameter options is not allowed here', code="42501")
        found.append((match[1].replace("-", "_"), match[2]))
    return found


def _switches(words: list[str]) -> list[str]:
    """`-c name=value` in two words becomes one."""
    switches: list[str] = []
    pending = ""
    for word in words:
        if word == "-c" and not pending:
            pending = "-c "
            continue
        switches.append(pending + word)
        pending = ""
    return [*switches, pending] if pending else switches


def target_of(parameters: dict[str, str]) -> tuple[str, str]:
    """(target, database) from `dbname`: `target` or `target/database`. Without dbname the user name, as in libpq."""
    name = parameters.get("database") or parameters.get("user", "")
    target, _, database = name.partition("/")
    return target, database
