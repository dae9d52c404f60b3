"""A configured target becomes the model's, with everything rules and limits look at."""

from __future__ import annotations

from twisted_hoop.settings import TargetSection
from twisted_hoop.targets import target_of_section


def test_everything_that_rules_and_limits_look_at() -> None:
    section = TargetSection.model_validate(
        {
            "name": "web-1",
            "protocol": "ssh",
            "endpoint": "tcp:web-1.internal:22",
            "login": "deploy",
            "groups": ["developers"],
            "labels": {"stage": "production"},
            "limits": {"idle": "5m", "sessions": 3, "sessions_per_principal": 2},
        }
    )
    target = target_of_section(section)
    assert (target.name, target.protocol, target.endpoint, target.login) == (
        "web-1", "ssh", "tcp:web-1.internal:22", "deploy",
    )  # fmt: skip
    assert target.groups == {"developers"} and target.options == {"labels": {"stage": "production"}}
    limits = target.limits
    assert (limits.idle, limits.sessions, limits.sessions_per_principal, limits.statements) == (300.0, 3, 2, 1000)
