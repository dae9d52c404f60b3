"""Alerts, their pages and the dashboard speak of metrics that exist, and of one another."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.gateway import Gateway, Plan, running_gateway

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "runbook.md").read_text()
RULES: list[dict[str, Any]] = yaml.safe_load((ROOT / "etc/prometheus/hoop-rules.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((ROOT / "etc/grafana/hoop.json").read_text())
SHOWN = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    traced = '[tracing]\nurl = "http://127.0.0.1:1/v1/traces"\n'
    with running_gateway(tmp_path_factory.mktemp("runbook"), Plan(traced)) as found:
        yield found


@pytest.fixture(scope="module")
def told(gateway: Gateway) -> set[str]:
    """Every name that /metrics of a gateway gives, those without a sample yet among them."""
    with urllib.request.urlopen(f"{gateway.url}/metrics", timeout=60) as answer:
        kinds = re.findall(r"^# TYPE (\S+) (\S+)$", answer.read().decode(), re.M)
    return {
        f"{name}{end}" for name, kind in kinds for end in (("", "_bucket", "_count") if kind == "histogram" else ("",))
    }


@pytest.mark.parametrize("expression", [*(rule["expr"] for rule in RULES), *SHOWN])
def test_every_metric_of_an_expression_exists(expression: str, told: set[str]) -> None:
    named = set(re.findall(r"\bhoop_\w+", expression))
    assert named <= told and (named or "up{" in expression)
    assert all(expression.count(a) == expression.count(b) for a, b in ("()", "{}", "[]"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_every_alert_has_its_page_with_meaning_check_and_action(rule: dict[str, Any]) -> None:
    section = PAGE.partition(f"\n## {rule['alert']}\n")[2].partition("\n## ")[0]
    assert all(f"**{word}.**" in section for word in ("Meaning", "Check", "Action")), rule["alert"]
    assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
    assert rule["labels"]["severity"] in ("info", "warning", "critical") and re.fullmatch(r"\d+[mh]", rule["for"])


def test_every_page_has_its_alert() -> None:
    assert re.findall(r"^## (\w+)$", PAGE, re.M) == [rule["alert"] for rule in RULES]


def test_metrics_of_the_gateway_stand_in_the_table_of_operations(told: set[str]) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    bare = {re.sub("_(bucket|count)$", "", name) for name in told if name.startswith("hoop_")}
    assert {name for name in bare if f"`{name}`" not in page} == set()


def test_a_listeners_certificate_is_told_with_its_end(gateway: Gateway) -> None:
    with urllib.request.urlopen(f"{gateway.url}/metrics", timeout=60) as answer:
        found = dict(
            re.findall(r'^hoop_certificate_not_after\{listener="(\w+)"\} (\S+)$', answer.read().decode(), re.M)
        )
    assert set(found) >= {"pg", "strict", "oauth"} and all(float(end) > 1.7e9 for end in found.values())
