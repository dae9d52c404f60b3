"""The targets that are offered: made from the settings, replaced by a reload."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.loop import Loop
from twisted_hoop.errors import UnknownTarget
from twisted_hoop.halls import Halls
from twisted_hoop.secrets.store import SecretStore
from twisted_hoop.settings import MaskSection, Settings, TargetSection


def target(name: str, **more: Any) -> TargetSection:
    given = {"name": name, "protocol": "postgres", "endpoint": "tcp:127.0.0.1:1", "login": "hoop", "tls": "disable"}
    return TargetSection.model_validate({**given, **more})


def settings(*targets: TargetSection, masks: tuple[MaskSection, ...] = ()) -> Settings:
    return Settings(targets=list(targets), masks=list(masks))


def halls_of(loop: Loop, folder: Path, first: Settings) -> Halls:
    return Halls(loop.reactor, first, SecretStore(loop.reactor, {}), b"k" * 32, folder)


def test_a_target_is_found_by_its_name(loop: Loop, tmp_path: Path) -> None:
    halls = halls_of(loop, tmp_path, settings(target("shop")))
    assert halls.find("shop").target.name == "shop"
    with pytest.raises(UnknownTarget):
        halls.find("nowhere")


def test_r13_a_reload_keeps_what_did_not_change_and_nothing_else(loop: Loop, tmp_path: Path) -> None:
    """R13: a changed mask or target is a new hall, whose readings and plans are new too."""
    cards = MaskSection(name="cards", columns=[".*card"], targets=["shop"])
    halls = halls_of(loop, tmp_path, settings(target("shop"), target("hr")))
    shop, hr = halls.find("shop"), halls.find("hr")
    halls.replace(settings(target("shop"), target("hr"), masks=(cards,)))
    assert halls.find("shop") is not shop
    assert halls.find("hr") is hr, "the mask is not for it"
    halls.replace(settings(target("hr", read_only=True)))
    assert halls.find("hr") is not hr
    with pytest.raises(UnknownTarget):
        halls.find("shop")


def test_tls_to_a_target_is_made_from_its_section(loop: Loop, tmp_path: Path) -> None:
    halls = halls_of(loop, tmp_path, settings(target("shop", tls="require")))
    door: Any = halls.find("shop").door
    assert door._context().check_hostname is False
    assert halls_of(loop, tmp_path, settings(target("hr", tls="verify-full"))).find("hr").door._context().check_hostname
