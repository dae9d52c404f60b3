"""What would change, added up."""

from __future__ import annotations

from tests.support.recorded_commands import entry, one
from twisted_hoop.model import Effect
from twisted_hoop.rehearsal.judging import Judgement
from twisted_hoop.rehearsal.tally import Tally


def test_what_changes_is_added_up() -> None:
    tally, deny, allow = Tally(2), Judgement(Effect.DENY, "b", "because"), Judgement(Effect.ALLOW, "a")
    for number in range(5):
        tally.add(one(entry(f"SELECT {number % 3}")), allow, deny)
    tally.add(one(entry("SELECT 9")), deny, Judgement(Effect.REVIEW, "c"))
    tally.add(one(entry("SELECT 9")), deny, allow)
    tally.add(one(entry("SELECT 9")), allow, Judgement(Effect.ALLOW, "another"))
    tally.add(one(entry("SELECT 9")), allow, None)
    assert tally.counts() == {"denied": 5, "reviewed": 1, "allowed": 1}
    assert (tally.judged, tally.same, sum(tally.unjudged.values())) == (8, 1, 1)
    first = tally.changes()[0]
    assert (first.kind, first.count, first.reason, list(first.examples)) == (
        "denied",
        5,
        "because",
        ["SELECT 0", "SELECT 1"],
    )
    assert [change.kind for change in tally.changes()] == ["denied", "reviewed", "allowed"]
