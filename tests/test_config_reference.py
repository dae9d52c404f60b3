from __future__ import annotations

from pathlib import Path

from twisted_hoop.config.reference import reference
from twisted_hoop.settings import LimitsSection, Settings

PAGE = Path(__file__).parent.parent / "docs/reference/configuration.md"


def test_the_page_is_what_the_settings_say() -> None:
    """Otherwise: `python -m twisted_hoop.config.reference > docs/reference/configuration.md`."""
    assert PAGE.read_text() == reference()


def test_every_key_is_on_the_page() -> None:
    text = reference()
    for name, info in Settings.model_fields.items():
        model = getattr(info.annotation, "__args__", (info.annotation,))[0]
        for key in model.model_fields:
            assert f"`{key}`" in text or f"[{name}.{key}]" in text
    assert all(f"`{key}`" in text for key in LimitsSection.model_fields)
