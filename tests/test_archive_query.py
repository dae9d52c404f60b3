"""What people may write to search."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.archive.query import MAX_PARTS, MAX_QUERY, BadQuery, Mark, Phrase, Query, parse
from twisted_hoop.archive.words import mark_of

NOW = 1_800_000_000.0


def test_all_of_it() -> None:
    found = parse('drop "From Customers" cust* person:alice target:shop-* TABLE:"my table" since:7d', NOW)
    assert found.phrases == (Phrase(("drop",)), Phrase(("from", "customers")), Phrase(("cust",), True))
    marks = (
        Mark(mark_of("person", "alice")),
        Mark(mark_of("target", "shop-"), True),
        Mark(mark_of("table", "my table")),
    )
    assert found.marks == marks
    assert (found.since, found.until) == (NOW - 7 * 86_400, None)


def test_what_is_one_word_to_people_may_be_several() -> None:
    assert parse("card_number", NOW).phrases == (Phrase(("card", "number")),)
    assert parse('"x y"*', NOW).phrases == (Phrase(("x", "y"), True),)


def test_a_pasted_command_is_a_query() -> None:
    assert [each.words for each in parse("select * from t where a = ;", NOW).phrases] == [
        ("select",), ("from",), ("t",), ("where",), ("a",),
    ]  # fmt: skip


def test_nothing_is_everything() -> None:
    assert parse("  ", NOW) == Query()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("since:2026-11-22", 1_795_305_600.0),
        ("since:2026-11-22T10:30Z", 1_795_343_400.0),
        ("since:2026-11-22t10:30+01:00", 1_795_339_800.0),
        ("since:30m", NOW - 1800),
        ("since:2w", NOW - 1_209_600),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert parse(text, NOW).since == seconds


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('"drop table', "not closed"),
        ('drop "', "not closed"),
        ("user:alice", "no user: to search by"),
        ("https://example.org", "in quotes"),
        ("target:", "write what target: should be"),
        ('table:""', "write what table: should be"),
        ("decision:perhaps", "is one of"),
        ("since:yesterday", "2026-11-22"),
        ("until:2026-13-01", "2026-11-22"),
        ("since:1d since:2d", "once"),
        ("since:2026*", "without"),
        ("a " * (MAX_PARTS + 1), "parts"),
        ("x" * (MAX_QUERY + 1), "characters"),
    ],
)
def test_what_is_none_says_why(text: str, why: str) -> None:
    with pytest.raises(BadQuery, match=why):
        parse(text, NOW)


@given(st.text(alphabet=st.sampled_from('ab:" *\t\n-7dsinceuntlpro\x00\ud800ß'), max_size=60) | st.text(max_size=60))
def test_a_query_or_the_reason(text: str) -> None:
    try:
        found = parse(text, NOW)
    except BadQuery as error:
        assert str(error)
    else:
        assert all(each.words for each in found.phrases)


def test_phrases_match_in_their_order_only() -> None:
    def has(text: str) -> bool:
        return parse(text, NOW).matches(("drop", "table", "customers", "now"), frozenset(), NOW)

    assert has("table drop") and has('"table customers"') and has('"drop tab"*') and has("now")
    assert not has('"table drop"') and not has("tab") and not has('"customers now x"') and not has("person:a")
