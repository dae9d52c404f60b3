from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from twisted_hoop.config.schema import duration, json_schema

EXAMPLE = tomllib.loads((Path(__file__).parent.parent / "etc/hoop.toml").read_text())
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert json_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_it_accepts_the_example() -> None:
    assert list(VALIDATOR.iter_errors(EXAMPLE)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"gatway": {}},
        {"gateway": {"grace": "five"}},
        {"gateway": {"grace": -1}},
        {"rules": [{"name": "x", "effect": "perhaps"}]},
        {"rules": [{"effect": "deny"}]},
        {"masks": [{"name": "x", "colums": []}]},
        {"issuers": [{"name": "x", "issuer": "https://x", "audience": []}]},
        {"issuers": [{"name": "x", "issuer": "https://x", "audience": ["a"], "leeway": 301}]},
    ],
)
def test_R12_it_refuses_slips(change: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid({**EXAMPLE, **change})


def test_every_key_is_described_and_has_its_default() -> None:
    schema = json_schema()
    for name, part in schema["$defs"].items():
        for key, entry in part["properties"].items():
            assert entry["title"] == key and entry["description"], f"{name}.{key}"
            assert "default" in entry or key in part.get("required", []) or "$ref" in entry, f"{name}.{key}"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0s"), (90.0, "90s"), (300.0, "5m"), (7200.0, "2h"), (0.5, "0.5s")]
)
def test_durations_are_written_as_in_the_file(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_day() -> None:
    assert duration(86400.0) == "1d"
