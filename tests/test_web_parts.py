"""What the API is given."""

from __future__ import annotations

from dataclasses import replace

from tests.support.api import Api
from tests.support.approvals import ALICE, CAROL


def test_roles_are_groups(api: Api) -> None:
    assert api.parts.audits(CAROL) and not api.parts.audits(ALICE)
    assert not api.parts.operates(CAROL)
    assert not replace(api.parts, auditors=frozenset()).audits(replace(CAROL, groups=frozenset()))
