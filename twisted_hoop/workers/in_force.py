"""The settings in force, for workers that are started later: what the parent took, not what the file says by now (R13).

A file in the state folder, for its owner alone, as it has the verifiers of accounts (R11); its files are absolute.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError

from twisted_hoop.errors import ConfigurationError
from twisted_hoop.settings import Settings

NAME = "settings-in-force.json"


def write_settings(settings: Settings) -> Path:
    """Write them whole or not at all, in their own state folder, which is there; OSError when that cannot be."""
    path = Path(settings.gateway.state) / NAME
    made = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(settings.model_dump_json().encode())
    made.replace(path)
    return path


def read_settings(path: Path) -> Settings:
    """The inverse, or ConfigurationError."""
    try:
        return Settings.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as fault:
        raise ConfigurationError([f"{path}: the parent's settings cannot be read: {type(fault).__name__}"]) from fault
