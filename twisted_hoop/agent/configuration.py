"""An agent's configuration: TOML, typed, every problem at once; or one environment variable with what is needed.

`HOOP_AGENT="gateway=tls://gateway.example:7443 name=office join_token=hoop_join_… allow=db.internal:5432,*.svc:8000"`
is a whole configuration: words of [agent] with `=`, and `allow` with targets between commas. Reads the disk, so not in
the reactor's thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from twisted_hoop.agent.allow import entry_of
from twisted_hoop.agent.settings import AgentOwnSection, AgentSettings, AllowSection
from twisted_hoop.agent.whereabouts import parse_gateway, parse_proxy
from twisted_hoop.config.draft import closest, read_section
from twisted_hoop.config.lines import Document, Key, Problem, read_toml
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.identity.ssh_keys import parse_line

VARIABLE = "HOOP_AGENT"
_LARGEST = 1 << 20
_REFERENCES = ("env:", "file:")


def load_agent(path: str | Path) -> AgentSettings:
    """The settings of a file; relative files in it are taken from its folder.

    Raises ConfigurationError with every problem, a line each: `agent.toml:7: allow.0.ports: what to do`.
    """
    path = Path(path)
    document = read_toml(_read(path))
    settings, problems = _checked(document.data, list(document.problems))
    if settings is None or problems:
        raise ConfigurationError(_written(path.name, document, problems))
    return _absolute(settings, path.absolute().parent)


def agent_of_variable(text: str) -> AgentSettings:
    """The settings that HOOP_AGENT holds; ConfigurationError with every problem."""
    try:
        data = _data_of(text)
    except ValueError as error:
        raise ConfigurationError([f"{VARIABLE}: {error}"]) from None
    settings, problems = _checked(data, [])
    if settings is None or problems:
        lines = [f"{VARIABLE}: {'.'.join(map(str, p.key))}: {p.what}" for p in problems]
        raise ConfigurationError(sorted(set(lines)))
    return settings


def _data_of(text: str) -> Mapping[str, Any]:
    own: dict[str, Any] = {}
    allow: list[dict[str, Any]] = []
    for word in text.split():
        key, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"write key=value, not {key}")
        if key == "allow":
            allow += [_allowed(each) for each in value.split(",") if each]
        elif key in own:
            raise ValueError(f"{key} is given twice")
        else:
            own[key] = _typed(key, value)
    return {"agent": own, "allow": allow}


def _allowed(text: str) -> dict[str, Any]:
    if text.startswith("unix:"):
        return {"unix": text.removeprefix("unix:")}
    host, _, port = text.rpartition(":")
    return {"host": host.strip("[]"), "ports": [port]}


def _typed(key: str, value: str) -> Any:
    """As TOML would have it: numbers where numbers stand."""
    info = AgentOwnSection.model_fields.get(key)
    if info is not None and info.annotation is int and value.isdecimal():
        return int(value)
    return [value] if info is not None and info.annotation == list[str] else value


def _checked(data: Mapping[str, Any], problems: list[Problem]) -> tuple[AgentSettings | None, list[Problem]]:
    if problems:
        return None, problems
    problems = [Problem((key,), _unknown(key)) for key in data if key not in AgentSettings.model_fields]
    if "agent" not in data:
        problems.append(Problem(("agent",), "is missing: write [agent] with name and gateway"))
    own = read_section(data.get("agent", {}), ("agent",), AgentOwnSection, problems) if "agent" in data else None
    allow = _allow(data.get("allow", []), problems)
    problems += _own(own) if own is not None else ()
    if own is None or problems:
        return None, problems
    return AgentSettings(agent=own, allow=allow), []


def _unknown(key: str) -> str:
    return "unknown key: " + (closest(key, AgentSettings.model_fields) or "remove it")


def _own(own: AgentOwnSection) -> Iterator[Problem]:
    yield from _tried(("agent", "gateway"), lambda: parse_gateway(own.gateway))
    if own.proxy:
        yield from _tried(("agent", "proxy"), lambda: parse_proxy(own.proxy))
    for number, line in enumerate(own.host_keys):
        yield from _tried(("agent", "host_keys", number), lambda line=line: parse_line(line))
    for name in ("token", "proxy_login"):
        if getattr(own, name) and not getattr(own, name).startswith(_REFERENCES):
            yield Problem(("agent", name), "write where it is: env:NAME or file:PATH")
    if own.token and own.token_command:
        yield Problem(("agent", "token_command"), "token says already where the token comes from: write one of them")
    if own.dead <= own.heartbeat:
        yield Problem(("agent", "dead"), "must be longer than heartbeat")
    if len(own.pin.replace(":", "")) not in (0, 64):
        yield Problem(("agent", "pin"), "a SHA-256 has 64 hexadecimal digits")


def _allow(found: Any, problems: list[Problem]) -> list[AllowSection]:
    if not isinstance(found, list):
        problems.append(Problem(("allow",), "there may be several: write [[allow]], in double brackets"))
        return []
    if not found:
        problems.append(Problem(("allow",), "is missing: without [[allow]] this agent connects to nothing"))
    read = [read_section(each, ("allow", number), AllowSection, problems) for number, each in enumerate(found)]
    for number, section in enumerate(read):
        problems += _allowed_section(("allow", number), section) if section is not None else ()
    return [section for section in read if section is not None]


def _allowed_section(key: Key, section: AllowSection) -> Iterator[Problem]:
    if section.unix and (section.host or section.ports):
        yield Problem((*key, "unix"), "is a target of its own: write another [[allow]]")
    elif section.unix:
        if not section.unix.startswith("/"):
            yield Problem((*key, "unix"), "write the whole path, from / on")
    else:
        yield from _tried(key, lambda: entry_of(section))


def _tried(key: Key, call: Any) -> Iterator[Problem]:
    try:
        call()
    except ValueError as error:
        yield Problem(key, str(error))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ConfigurationError([f"{path}: is larger than 1 MiB: this is no configuration"])
        return data.decode().replace("\r\n", "\n")
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"{path}: is not UTF-8: save it as UTF-8"]) from error


def _written(name: str, document: Document, problems: list[Problem]) -> list[str]:
    found = sorted({(document.line(p), ".".join(map(str, p.key)), p.what) for p in problems})
    return [f"{name}:{line}: {key}: {what}" if key else f"{name}:{line}: {what}" for line, key, what in found]


def _absolute(settings: AgentSettings, folder: Path) -> AgentSettings:
    own = settings.agent
    changed: dict[str, Any] = {name: str(folder / getattr(own, name)) for name in ("state", "ca") if getattr(own, name)}
    for name in ("join_token", "token", "proxy_login"):
        value = getattr(own, name)
        if value.startswith("file:"):
            changed[name] = f"file:{folder / value.removeprefix('file:')}"
    return settings.model_copy(update={"agent": own.model_copy(update=changed)})
