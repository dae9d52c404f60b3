"""What a target answers: matched with what was asked, masked, counted; anything else ends the session."""

from __future__ import annotations

import pytest

from twisted_hoop.errors import ProtocolError
from twisted_hoop.postgres.target_side import split_path
from twisted_hoop.settings import MaskSection
from twisted_hoop.testing import Script
from twisted_hoop.testing import postgres as build
from twisted_hoop.testing.postgres import FIRST_OID, TEXT, error, make_relay, message, parse, query

CARDS = MaskSection(name="cards", columns=[r".*\.card"])
CARD_COLUMN = build.row_description(("card", FIRST_OID, 3, TEXT))
ROW = build.data_row(b"CARD-1")


def asked(text: bytes = b"select card from people", *masks: MaskSection) -> Script:
    script = Script(make_relay(masks))
    script.client(query(text))
    return script


@pytest.mark.parametrize(
    "data",
    [
        build.ready(),
        build.complete("SELECT 1"),
        build.parse_complete(),
        build.bind_complete(),
        build.close_complete(),
        build.no_data(),
        build.copy_in(),
        build.copy_out(),
        build.suspended(),
        build.empty(),
        message(b"V", b""),
        message(b"?"),
        message(b"W", b"\0\0\0"),
    ],
)
def test_p7_an_answer_nobody_asked_for_ends_the_session(data: bytes) -> None:
    """P7: the queue and the stream out of step would mean masking by the wrong plan; COPY BOTH is one of them (P15)."""
    with pytest.raises(ProtocolError) as caught:
        Script(make_relay()).target(data)
    assert caught.value.side == "target"


def test_m1_rows_without_a_description_end_the_session_under_masks() -> None:
    """M1: nothing is known of them."""
    with pytest.raises(ProtocolError):
        asked(b"select card from people", CARDS).target(ROW)


def test_m1_m12_rows_are_masked_and_counted() -> None:
    """M1, M12: the outcome says how many cells were hidden, not what they were."""
    script = asked(b"select card from people", CARDS)
    heard = script.target(CARD_COLUMN, ROW, ROW, build.data_row(None), build.complete("SELECT 3"), build.ready())
    assert b"CARD-1" not in heard.client
    assert build.rows(heard.client)[2] == [None]
    [outcome] = heard.entries
    assert (outcome.kind, outcome.data["rows"], outcome.data["masked"], outcome.data["tag"]) == (
        "outcome",
        3,
        2,
        "SELECT 3",
    )
    assert "CARD-1" not in str(outcome)


def test_each_statement_of_a_text_has_its_own_plan() -> None:
    script = asked(b"select card from people; select upper(name) from people", CARDS)
    other = build.row_description(("upper", 0, 0, TEXT))
    heard = script.target(
        CARD_COLUMN, ROW, build.complete("SELECT 1"), other, ROW, build.complete("SELECT 1"), build.ready()
    )
    assert build.rows(heard.client)[1] == [b"CARD-1"]
    assert build.rows(heard.client)[0] != [b"CARD-1"]
    assert [entry.data["command"] for entry in heard.entries] == [1, 1]


def test_an_error_ends_only_what_it_concerns() -> None:
    script = Script(make_relay())
    script.client(
        parse(b"", b"select 1"), build.bind(), build.execute(), build.execute(), build.sync(), query(b"select 1")
    )
    heard = script.target(build.parse_complete(), build.bind_complete(), error("22012", "division by zero"))
    assert [entry.data.get("sqlstate") for entry in heard.entries] == ["22012", None]
    assert heard.entries[1].data["skipped"], "the Execute behind it never ran"
    assert script.relay.busy  # type: ignore[attr-defined]
    script.target(build.ready(), build.complete("SELECT 1"), build.ready())
    assert not script.relay.busy  # type: ignore[attr-defined]


def test_m4_an_error_between_commands_is_hidden() -> None:
    """M4: an error nobody asked for still reaches the client, without what it shows."""
    heard = Script(make_relay([CARDS])).target(error("57P01", "terminating connection: value=CARD-1"))
    assert build.kinds(heard.client) == "E"
    assert b"CARD-1" not in heard.client


def test_m8_copy_out_is_masked() -> None:
    """M8: rows cut anywhere."""
    script = asked(b"copy people (card) to stdout", CARDS)
    data = build.copy_out() + build.copy_data(b"CARD") + build.copy_data(b"-1\n") + build.copy_done()
    heard = script.target(data, build.complete("COPY 1"), build.ready())
    assert b"CARD" not in heard.client
    assert b"-1" not in heard.client
    assert build.kinds(heard.client).replace("d", "") == "HcCZ"


def test_a_page_at_a_time() -> None:
    script = Script(make_relay([CARDS]))
    script.client(parse(b"", b"select card from people"), build.bind(), build.execute(rows=1), message(b"H"))
    heard = script.target(build.parse_complete(), build.bind_complete(), CARD_COLUMN, ROW, build.suspended())
    assert build.kinds(heard.client) == "12Ds"
    assert heard.entries[-1].data["suspended"]
    script.client(build.execute(rows=1), build.sync())
    heard = script.target(ROW, build.complete("SELECT 1"), build.ready())
    assert b"CARD-1" not in heard.client


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ('"$user", public', ("hoop", "public")),
        ("hr,public", ("hr", "public")),
        ('"a b", "c""d"', ("a b", 'c"d')),
        ("", ()),
    ],
)
def test_p18_the_search_path_as_the_target_shows_it(value: str, path: tuple[str, ...]) -> None:
    """P18: quoted names and the login's own schema."""
    assert split_path(value, "hoop") == path
