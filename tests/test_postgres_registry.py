"""What a name may mean: candidates until the target has answered (P10), caps (P19)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import LimitExceeded
from twisted_hoop.postgres.messages import Bind
from twisted_hoop.postgres.registry import CANDIDATES, Portal, Prepared, Registry


def prepared(name: bytes = b"s", text: str = "a", segment: int = -1) -> Prepared:
    return Prepared(name, text, (), (), segment)


def texts(found: tuple[Prepared, ...]) -> str:
    return "".join(p.text for p in found)


def test_p10_a_name_means_everything_it_may_until_the_target_answers() -> None:
    """P10: an earlier Parse may have failed without our knowing yet."""
    registry = Registry(10)
    first, second = prepared(text="a"), prepared(text="b", segment=1)
    registry.prepare(first)
    registry.prepare(second)
    assert texts(registry.prepared(b"s", 2)) == "ab"
    assert texts(registry.prepared(b"s", 1)) == "b", "within one segment: had it failed, the rest would be skipped"
    registry.confirm(second)
    assert texts(registry.prepared(b"s", 2)) == "b"


def test_p10_what_failed_leaves_the_one_before() -> None:
    """P10: the old statement is what the target still has."""
    registry = Registry(10)
    first, second = prepared(text="a"), prepared(text="b")
    registry.prepare(first)
    registry.confirm(first)
    registry.prepare(second)
    registry.discard(second)
    assert texts(registry.prepared(b"s", 5)) == "a"
    registry.discard(first)
    assert registry.prepared(b"s", 5) == ()
    registry.discard(first)


def test_p10_closing_forgets() -> None:
    """P10: Close, then Parse again under the name."""
    registry = Registry(10)
    registry.prepare(prepared(text="a"))
    registry.forget(b"s")
    assert registry.prepared(b"s", 0) == ()
    registry.prepare(prepared(text="b"))
    assert texts(registry.prepared(b"s", 0)) == "b"
    registry.forget_all()
    assert registry.prepared(b"s", 0) == ()


def test_p10_an_unnamed_statement_that_may_be_skipped_leaves_the_one_before() -> None:
    """P10: Parse, a Bind that fails, another Parse (skipped), Sync: the target still has the first one."""
    registry = Registry(10)
    first, skipped = prepared(b"", "a", 1), prepared(b"", "b", 1)
    registry.prepare(first)
    registry.prepare(skipped)
    assert texts(registry.prepared(b"", 1)) == "b"
    assert texts(registry.prepared(b"", 2)) == "ab", "sent before the answers came"
    registry.confirm(first)
    registry.discard(skipped)
    assert texts(registry.prepared(b"", 2)) == "a"


def test_the_same_unnamed_statement_again_is_one_candidate() -> None:
    registry = Registry(10)
    old, new = prepared(b"", "a", 1), prepared(b"", "a", 1)
    registry.prepare(old)
    registry.prepare(new)
    assert registry.prepared(b"", 7) == (new,)
    registry.confirm(old)
    assert registry.prepared(b"", 7) == (new,), "its answer is still to come"


def test_p19_statements_and_portals_are_capped_together() -> None:
    """P19: and a name that is known costs nothing more."""
    registry = Registry(2)
    registry.prepare(prepared(b"one"))
    registry.bind(Portal(b"p", ()))
    registry.prepare(prepared(b"one", "b"))
    for add in (lambda: registry.prepare(prepared(b"two")), lambda: registry.bind(Portal(b"q", ()))):
        with pytest.raises(LimitExceeded) as caught:
            add()
        assert caught.value.code == "53400"
    registry.forget(b"one")
    registry.prepare(prepared(b"two"))


def test_p19_candidates_are_capped() -> None:
    """P19: a pipeline that means ever more by one name is refused."""
    registry = Registry(10)
    for segment in range(CANDIDATES):
        registry.prepare(prepared(segment=segment))
    with pytest.raises(LimitExceeded):
        registry.prepare(prepared(segment=CANDIDATES))


def test_portals_end_with_their_transaction() -> None:
    registry = Registry(10)
    bound = Bind(b"p", b"", (), (), b"")
    done, coming = Portal(b"p", (), bind=bound), Portal(b"q", (), bind=bound)
    cursor = Portal(b"c", ())
    for portal in (done, coming, cursor):
        registry.bind(portal)
    registry.confirm_portal(done)
    registry.confirm_portal(cursor)
    registry.transaction_over()
    assert registry.portals(b"p", 0) == ()
    assert registry.portals(b"q", 0) == (coming,), "its Bind is still on the way"
    assert registry.portals(b"c", 0) == (cursor,), "may be WITH HOLD"
    registry.discard_portal(coming)
    registry.forget_portal(b"c")
    assert registry.portals(b"q", 0) == registry.portals(b"c", 0) == ()
    registry.bind(cursor)
    registry.forget_portals()
    assert registry.portals(b"c", 0) == ()


def test_a3_a_portal_that_took_anothers_place_is_uncertain_until_it_is_bound() -> None:
    """A3, P10: were its Bind skipped, an Execute would run the one before, with other parameters."""
    registry = Registry(10)
    first, second = Portal(b"", (), 1), Portal(b"", (), 1)
    registry.bind(first)
    assert not registry.uncertain(b"", 2)
    registry.bind(second)
    assert not registry.uncertain(b"", 1), "in its own segment it would be skipped too"
    assert registry.uncertain(b"", 2)
    registry.confirm_portal(first)
    assert registry.uncertain(b"", 2)
    registry.confirm_portal(second)
    assert not registry.uncertain(b"", 2)
    registry.bind(Portal(b"", (), 3))
    assert registry.uncertain(b"", 4)
    assert not registry.uncertain(b"other", 4)


@given(
    st.lists(st.tuples(st.sampled_from(["ok", "fail", "sync"]), st.sampled_from([b"", b"s"])), max_size=12), st.data()
)
def test_p10_what_the_target_has_is_always_among_the_candidates(
    history: list[tuple[str, bytes]], data: st.DataObject
) -> None:
    """P10: Parses are sent ahead and answered later. A failed message is no Parse: what follows it is skipped."""
    registry, segment, failed = Registry(100), 0, False
    at_target: dict[bytes, str] = {}
    answers: list[tuple[bool, Prepared]] = []
    for number, (what, name) in enumerate(history):
        if what == "sync":
            segment, failed = segment + 1, False
        elif what == "fail":
            failed = True
        else:
            item = prepared(name, str(number), segment)
            registry.prepare(item)
            answers.append((failed, item))
            if not failed:
                at_target[name] = item.text
    for skipped, item in answers[: data.draw(st.integers(0, len(answers)))]:
        registry.discard(item) if skipped else registry.confirm(item)
    for name, text in at_target.items():
        assert text in [p.text for p in registry.prepared(name, segment + 1)]
