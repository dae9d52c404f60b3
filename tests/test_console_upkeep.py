"""The pages of holds and retention: who sees them, what they show and do."""

from __future__ import annotations

import re

from tests.support.gateway import wait_for
from tests.support.visitor import ConsoleHouse, Visitor, text_of, words_of
from tests.test_web_keeping import record

PATHS = ("/holds", "/retention")


def _hold(visitor: Visitor, value: str, reason: str, kind: str = "target") -> str:
    """The id of a hold that is placed by the form."""
    done = visitor.post("/holds", kind=kind, value=value, reason=reason)
    assert done.status == 303 and done.headers["location"] == "/holds"
    found = re.search(r"/holds/([0-9a-f]{16})/lift", text_of(visitor.get("/holds")))
    assert found is not None
    return found[1]


def _report(visitor: Visitor, path: str) -> str:
    """The words of a run's page once the run is over."""

    def over() -> str:
        words = words_of(visitor.get(path))
        return words if " done " in words else ""

    return str(wait_for(over, "the report of the run"))


def test_R2_operators_change_auditors_look_nobody_else_does_either(console: ConsoleHouse) -> None:
    for who, status in (("alice", 403), ("bob", 403), ("carol", 200), ("olga", 200)):
        visitor = console.visitor(who)
        for path in PATHS:
            assert visitor.get(path).status == status
        if who != "olga":
            assert visitor.post("/holds", kind="target", value="shop", reason="x").status == 403
            assert visitor.post("/holds/0123456789abcdef/lift", reason="x").status == 403
            assert visitor.post("/retention", what="look").status == 403
            assert visitor.post("/retention", what="delete", sure="delete").status == 403
        assert visitor.get("/retention/0123456789abcdef").status == (404 if status == 200 else 403)
    carol = console.visitor("carol")
    assert "<form class" not in text_of(carol.get("/holds")) + text_of(carol.get("/retention"))


def test_a_hold_is_placed_shown_and_lifted_with_reasons(console: ConsoleHouse) -> None:
    olga = console.visitor("olga")
    assert "Nothing is held" in words_of(olga.get("/holds"))
    ident = _hold(olga, "sh<b>op", "case \u202e4711")
    page = olga.get("/holds")
    assert "<b>op" not in text_of(page) and "\u202e" not in text_of(page)
    assert "sh<b>op" in words_of(page) and "\\u{202E} 4711" in words_of(page)
    assert olga.post(f"/holds/{ident}/lift", reason="").status == 422
    assert olga.post(f"/holds/{'f' * 16}/lift", reason="x").status == 404
    assert olga.post(f"/holds/{ident}/lift", reason="case closed").status == 303
    assert "case closed" in words_of(olga.get("/holds?lifted=yes"))
    assert "Nothing is held" in words_of(olga.get("/holds"))
    assert olga.post(f"/holds/{ident}/lift", reason="again").status == 404


def test_what_cannot_be_held_stays_in_the_form(console: ConsoleHouse) -> None:
    olga = console.visitor("olga")
    wrong = ({"reason": ""}, {"value": ""}, {"kind": "group"}, {"reason": "a\x07b"}, {"reason": "x" * 1001})
    for change in wrong:
        form = {"kind": "target", "value": "keep-me", "reason": "why", **change}
        answer = olga.post("/holds", None, **form)
        assert answer.status == 422 and next(iter(change)) in words_of(answer)
        assert 'value="keep-me"' in text_of(answer) or "value" in change
    assert console.api.ask("GET", "/v1/holds?lifted=true", "olga").json == {"holds": []}
    filled = text_of(olga.get("/holds?kind=session&value=session-0001"))
    assert "<option selected>session" in filled and 'value="session-0001"' in filled


def test_a_dry_run_deletes_nothing_and_a_run_what_is_over_and_not_held(console: ConsoleHouse) -> None:
    for name, target in (("session-0002", "short-1"), ("session-0003", "short-2"), ("session-0004", "shop")):
        record(console.api, name, target)
    olga = console.visitor("olga")
    _hold(olga, "short-2", "case 1")
    rules = words_of(olga.get("/retention"))
    assert "short-.*" in rules and "1 min" in rules and "No run found anything yet" in rules
    begun = olga.post("/retention", what="look")
    assert begun.status == 303
    words = _report(olga, begun.headers["location"])
    assert "A dry run" in words and "would be deleted" in words and "session-0003" in words and "held" in words
    assert console.api.ask("GET", "/v1/sessions/session-0002/recording", "carol").status == 200
    unsure = olga.post("/retention", what="delete")
    assert unsure.status == 422 and "write the word delete" in words_of(unsure)
    assert olga.post("/retention", what="").status == 400
    begun = olga.post("/retention", what="delete", sure="delete")
    assert "session-0002" in _report(olga, begun.headers["location"])
    assert console.api.ask("GET", "/v1/sessions/session-0002/recording", "carol").status == 404
    assert console.api.ask("GET", "/v1/sessions/session-0003/recording", "carol").status == 200
    auditor = console.visitor("carol")
    assert " done " in words_of(auditor.get(begun.headers["location"]))
    part = text_of(auditor.get(begun.headers["location"] + "/part"))
    assert "<html" not in part and "hx-get" not in part


def test_I6_a_form_of_another_site_holds_lifts_and_deletes_nothing(console: ConsoleHouse) -> None:
    record(console.api, "session-0002", "short-1")
    olga = console.visitor("olga")
    ident = _hold(olga, "shop", "case 1")
    evil = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://evil.test"}
    forms = (("/holds", "kind=target&value=x&reason=x"), (f"/holds/{ident}/lift", "reason=x"))
    for path, fields in (*forms, ("/retention", "what=delete&sure=delete")):
        assert olga.ask("POST", path, f"csrf={olga.csrf}&{fields}".encode(), evil).status == 403
        ours = {**evil, "Origin": f"http://{console.host}"}
        assert olga.ask("POST", path, f"csrf=wrong&{fields}".encode(), ours).status == 403
    assert [each["id"] for each in console.api.ask("GET", "/v1/holds", "olga").json["holds"]] == [ident]
    assert console.api.ask("GET", "/v1/retention", "olga").json["runs"] == []
    assert console.api.ask("GET", "/v1/sessions/session-0002/recording", "carol").status == 200
