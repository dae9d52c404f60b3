"""The configuration as JSON Schema (draft 2020-12), for editors and for the reference documentation."""

from __future__ import annotations

from typing import Any

from annotated_types import Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from twisted_hoop.settings import Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DURATION = r"^[0-9]+(\.[0-9]+)?(s|m|h|d)$"
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))


def json_schema() -> dict[str, Any]:
    """The schema: every key with its title, its description and its default."""
    schema = Settings.model_json_schema()
    definitions = schema["$defs"]
    for name, model in _models(Settings).items():
        _complete(schema if model is Settings else definitions[name], model)
    return {"$schema": DIALECT, **schema, "title": "hoop.toml"}


def duration(seconds: float) -> str:
    """Seconds as they are written in the file: 300.0 → "5m"."""
    for size, unit in _UNITS:
        if seconds and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds:g}s"


def _models(root: type[BaseModel]) -> dict[str, type[BaseModel]]:
    found = {root.__name__: root}
    for info in root.model_fields.values():
        if (model := _inner(info)) is not None:
            found.update(_models(model))
    return found


def _inner(info: FieldInfo) -> type[BaseModel] | None:
    candidates = [info.annotation, *getattr(info.annotation, "__args__", ())]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _complete(part: dict[str, Any], model: type[BaseModel]) -> None:
    part["description"] = " ".join((model.__doc__ or "").split())
    for name, info in model.model_fields.items():
        entry = part["properties"][name]
        entry["title"] = name
        if info.description:
            entry["description"] = " ".join(info.description.split())
        if info.annotation is float:
            _as_duration(entry, info)
        if _inner(info) is not None:
            entry.pop("default", None)
            entry |= {"default": []} if "items" in entry and model is not Settings else {}
        elif not info.is_required():
            value = info.get_default(call_default_factory=True)
            entry["default"] = duration(value) if info.annotation is float else value


def _as_duration(entry: dict[str, Any], info: FieldInfo) -> None:
    """`"5m"`, or seconds as a number; JSON Schema lets `minimum` speak of numbers only."""
    entry.pop("ge", None)
    entry.update({"type": ["string", "number"], "pattern": _DURATION, "minimum": 0})
    limits = [limit.le for limit in info.metadata if isinstance(limit, Le)]
    if limits:
        entry["maximum"] = limits[0]
