"""The closed union of what a relay may ask for: every step is in it, and the bridge carries out each."""

from __future__ import annotations

import dataclasses
import typing

import pytest

from tests.support.source import PACKAGE
from twisted_hoop import steps


def members() -> tuple[type, ...]:
    return typing.get_args(steps.Step)


def test_every_step_of_the_module_is_in_the_union() -> None:
    defined = {
        kind for kind in vars(steps).values() if dataclasses.is_dataclass(kind) and kind.__module__ == steps.__name__
    }
    assert defined == set(members())


def test_the_bridge_carries_out_each() -> None:
    text = (PACKAGE / "bridge.py").read_text()
    assert [kind.__name__ for kind in members() if kind.__name__ not in text] == []


def test_steps_are_values() -> None:
    assert steps.ToClient(b"x") == steps.ToClient(b"x") != steps.ToTarget(b"x")
    with pytest.raises((AttributeError, TypeError)):
        steps.ToClient(b"x").data = b"y"  # type: ignore[misc]
