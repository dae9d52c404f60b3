"""The configuration file: TOML → frozen `Settings`, or every problem at once. Reads the disk, so not in the reactor's
thread."""

from __future__ import annotations

from pathlib import Path

from twisted_hoop.config.check import check
from twisted_hoop.config.draft import make_draft
from twisted_hoop.config.files import absolute, check_files
from twisted_hoop.config.lines import Document, Problem, read_toml
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.settings import Settings

_LARGEST = 4 * 1024 * 1024
_UNTIL_RESTART = (
    ("gateway", "state"),
    ("gateway", "name"),
    ("gateway", "url"),
    ("gateway", "login_timeout"),
    ("gateway", "preauth_connections"),
    ("gateway", "preauth_per_address"),
    ("gateway", "sessions"),
    ("gateway", "sessions_per_address"),
    ("gateway", "connections_per_second"),
    ("gateway", "memory"),
    ("gateway", "lag"),
    ("gateway", "workers"),
    ("gateway", "peers"),
    ("gateway", "peers_address"),
    ("store",),
    ("recording",),
    ("api",),
    ("ssh",),
    ("listeners",),
)


def load(path: str | Path) -> Settings:
    """The settings of a file; relative files in it are taken from its folder.

    Raises ConfigurationError with every problem found, a line each: `hoop.toml:7: targets.0.tls: what to do`.
    """
    return _load(Path(path))[0]


def reload(path: str | Path, current: Settings) -> Settings:
    """New settings, whole, for a gateway that runs with `current`; or ConfigurationError, and `current` stays.

    What cannot change while it runs is a problem too, so that nobody believes in a change that did not happen (R13).
    """
    settings, document = _load(Path(path))
    changed = [key for key in _UNTIL_RESTART if _value(settings, key) != _value(current, key)]
    if changed:
        what = "cannot change while the gateway runs: restart it, or write what was there"
        raise ConfigurationError(_written(Path(path), document, [Problem(key, what) for key in changed]))
    return settings


def check_file(path: str | Path) -> list[str]:
    """What `hoop config check` prints: every problem of the file and of the files it names; empty when it is well."""
    try:
        settings = load(path)
    except ConfigurationError as error:
        return error.problems
    return [f"{path}: {problem}" for problem in check_files(settings, Path(path))]


def _load(path: Path) -> tuple[Settings, Document]:
    document = read_toml(_read(path))
    problems = list(document.problems)
    if not problems:
        draft, problems = make_draft(document.data)
        problems += check(draft)
    if problems:
        raise ConfigurationError(_written(path, document, problems))
    return absolute(Settings.model_validate(document.data), path.absolute().parent), document


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ConfigurationError([f"{path}:1: is larger than 4 MiB: this is no configuration"])
        return data.decode().replace("\r\n", "\n")
    except OSError as error:
        raise ConfigurationError([f"{path}:1: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigurationError([f"{path}:{line}: is not UTF-8: save it as UTF-8"]) from error


def _written(path: Path, document: Document, problems: list[Problem]) -> list[str]:
    """In the order of the file, as `file:line: key: what to do`."""
    found = sorted({(document.line(p), ".".join(map(str, p.key)), p.what) for p in problems})
    return [f"{path}:{line}: {key}: {what}" if key else f"{path}:{line}: {what}" for line, key, what in found]


def _value(settings: Settings, key: tuple[str, ...]) -> object:
    value: object = settings
    for name in key:
        value = getattr(value, name)
    return value
