"""Which channel is told of what."""

from __future__ import annotations

from typing import Any

import pytest
from zope.interface.verify import verifyObject

from tests.support.loop import Loop
from tests.support.notices import Secrets, request
from twisted_hoop.interfaces import INotifier
from twisted_hoop.notify.channels import concerns, make_notifier
from twisted_hoop.settings import NotifySection


@pytest.mark.parametrize(
    ("about", "concerned"),
    [
        ({}, True),
        ({"targets": ["shop"]}, True),
        ({"targets": ["sh.*"], "approvers": ["dba"]}, True),
        ({"targets": ["sho"]}, False),
        ({"approvers": ["db"]}, False),
        ({"targets": ["shop"], "approvers": ["security"]}, False),
    ],
)
def test_targets_and_groups(about: dict[str, Any], concerned: bool) -> None:
    section = NotifySection(name="n", kind="webhook", **about)
    assert concerns(section, request()) is concerned


@pytest.mark.parametrize("kind", ["webhook", "slack", "email"])
def test_every_kind_provides_the_interface(loop: Loop, kind: Any) -> None:
    section = NotifySection(name="n", kind=kind)
    made = loop.run(lambda: make_notifier(section, loop.reactor, Secrets(), lambda: 1.0))
    assert verifyObject(INotifier, made)
