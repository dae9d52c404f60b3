"""What [tracing] must also be."""

from __future__ import annotations

import pytest

from twisted_hoop.config.draft import make_draft
from twisted_hoop.config.tracing import check_tracing


def problems(**tracing: str) -> list[str]:
    draft, wrong = make_draft({"tracing": tracing})
    assert wrong == []
    return [".".join(map(str, each.key)) for each in check_tracing(draft)]


def test_well() -> None:
    assert problems() == []
    assert problems(url="https://otlp.example.com/v1/traces", authorization="env:OTLP") == []
    assert problems(url="http://127.0.0.1:4318/v1/traces") == []


@pytest.mark.parametrize(
    "tracing",
    [
        {"url": "http://otlp.example.com/v1/traces"},
        {"url": "otlp.example.com:4318"},
        {"url": "http://[::1"},
        {"authorization": "Bearer secret"},
    ],
)
def test_wrong(tracing: dict[str, str]) -> None:
    assert problems(**tracing) == [f"tracing.{next(iter(tracing))}"]
