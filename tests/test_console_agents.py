"""The page of agents: who sees it, what it shows, and revoking by its button."""

from __future__ import annotations

from typing import Any

from tests.support.agents import report_of
from tests.support.visitor import ConsoleHouse, text_of, words_of
from tests.test_web_agents import joined
from twisted_hoop.model import AgentIdentity


def test_what_the_page_shows(console: ConsoleHouse) -> None:
    olga = console.visitor("olga")
    assert "No agent has joined" in words_of(olga.get("/agents"))
    ident = joined(console.api)
    registry: Any = console.api.parts.agents._registry  # type: ignore[union-attr]
    report = report_of(version="<b>1", offered=("db.internal:5432", "<script>"), streams=41, sent=3 * 1024 * 1024)
    console.api.loop.run(lambda: registry.connected(AgentIdentity("office", ident), report))
    page = olga.get("/agents")
    words = words_of(page)
    assert ident in words and "connected" in words and "41" in words and "db.internal:5432" in words
    assert "never joined: lab" in words
    assert "<script>" not in text_of(page).split("<main", 1)[1] and "<b>1" not in text_of(page)


def test_operators_revoke_and_auditors_look(console: ConsoleHouse) -> None:
    ident = joined(console.api)
    for who, status in (("alice", 403), ("bob", 403), ("carol", 200), ("olga", 200)):
        assert console.visitor(who).get("/agents").status == status
    carol = console.visitor("carol")
    assert "Revoke for good" not in words_of(carol.get("/agents"))
    assert carol.post(f"/agents/{ident}/revoke", reason="x").status == 403
    olga = console.visitor("olga")
    assert "Revoke for good" in words_of(olga.get("/agents"))
    assert olga.post(f"/agents/{ident}/revoke", reason="x" * 501).status == 400
    assert olga.post(f"/agents/{'f' * 32}/revoke", reason="x").status == 404
    done = olga.post(f"/agents/{ident}/revoke", reason="laptop stolen")
    assert done.status == 303 and done.headers["location"] == "/agents"
    words = words_of(olga.get("/agents"))
    assert "revoked" in words and "laptop stolen" in words and "Revoke for good" not in words


def test_I6_a_form_of_another_site_revokes_nobody(console: ConsoleHouse) -> None:
    ident = joined(console.api)
    olga = console.visitor("olga")
    olga.get("/agents")
    sent = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://evil.test"}
    answer = olga.ask("POST", f"/agents/{ident}/revoke", f"csrf={olga.csrf}&reason=x".encode(), sent)
    assert answer.status == 403
    agents = console.api.ask("GET", "/v1/agents", "olga").json["agents"]
    assert agents[0]["revoked"] == 0
