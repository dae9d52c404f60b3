"""What [own_issuer] must also be."""

from __future__ import annotations

import pytest

from twisted_hoop.config.draft import make_draft
from twisted_hoop.config.lines import read_toml
from twisted_hoop.config.own_issuer import check_own_issuer

WELL = """
[gateway]
url = "https://hoop.example.com/"
[own_issuer]
enabled = true
audiences = ["https://reports.example.com"]
[[own_issuer.actors]]
name = "agents"
groups = ["ai"]
[[issuers]]
name = "corp"
issuer = "https://id.example.com"
audience = ["hoop"]
[[targets]]
name = "shop"
protocol = "postgres"
endpoint = "tcp:db:5432"
"""
AGAIN = '[[own_issuer.actors]]\nname = "agents"\ngroups = ["x"]'


def problems(text: str) -> list[str]:
    draft, wrong = make_draft(read_toml(text).data)
    assert wrong == []
    return [f"{'.'.join(map(str, each.key))}: {each.what}" for each in check_own_issuer(draft)]


def test_well() -> None:
    assert problems(WELL) == []
    assert problems(WELL.replace("https://hoop.example.com/", "http://127.0.0.1:8080")) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("https://hoop.example.com/", "http://hoop.example.com", "gateway.url: write https"),
        ("https://id.example.com", "https://hoop.example.com", "own_issuer.enabled: an issuer has the address"),
        ("https://reports.example.com", "shop", "own_issuer.audiences.0: is a target here"),
        ("https://reports.example.com", "https://hoop.example.com", "own_issuer.audiences.0: is this gateway"),
        ('groups = ["ai"]', 'for_groups = ["dev"]', "own_issuer.actors.0: write issuers, subjects or groups"),
        ('groups = ["ai"]', 'groups = ["("]', "own_issuer.actors.0.groups.0: "),
        (
            'groups = ["ai"]',
            'groups = ["ai"]\n[[own_issuer.actors]]\nname="agents"\ngroups=["x"]',
            "own_issuer.actors.1.name: ",
        ),
    ],
)
def test_wrong(old: str, new: str, told: str) -> None:
    found = problems(WELL.replace(old, new))
    assert len(found) == 1 and found[0].startswith(told), found


def test_what_is_off_needs_no_address() -> None:
    assert problems(WELL.replace("true", "false").replace("https://hoop", "http://hoop")) == []
