"""The configuration file: TOML → frozen `Settings`, or every problem at once."""

from __future__ import annotations

from twisted_hoop.config.files import check_files
from twisted_hoop.config.loading import check_file, load, reload
from twisted_hoop.config.schema import json_schema
from twisted_hoop.policy.version import version_of

__all__ = ["check_file", "check_files", "json_schema", "load", "reload", "version_of"]
