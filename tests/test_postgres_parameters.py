"""Which start-up parameters reach a target (P4), and what is pinned there (P16, P17)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import ProtocolError
from twisted_hoop.postgres.parameters import ALLOWED, for_target, target_of

PINNED = {"client_encoding": "UTF8", "standard_conforming_strings": "on"}


def test_p4_harmless_ones_pass_in_whatever_case() -> None:
    """P4: user and database are the gateway's own."""
    asked = {"user": "alice", "database": "shop", "application_name": "psql", "DateStyle": "ISO"}
    assert for_target(asked, False) == {"application_name": "psql", "DateStyle": "ISO", **PINNED}


def test_p4_options_are_read_and_judged_one_by_one() -> None:
    """P4: `-c` and `--`, in one word or two, with escaped blanks."""
    for options in (
        "-c search_path=a,b",
        "-csearch_path=a,b",
        "--search_path=a,b",
        "--search-path=a,b",
        r"-c search_path=a,b -c statement_timeout=5\ s",
    ):
        kept = for_target({"options": options}, False)
        assert kept["search_path"] == "a,b", options
    assert kept["statement_timeout"] == "5 s"
    assert for_target({"options": "  "}, False) == PINNED


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"role": "postgres"}, "42501"),
        ({"options": "-c role=postgres"}, "42501"),
        ({"options": "-c session_authorization=x"}, "42501"),
        ({"options": "-c default_transaction_read_only=off"}, "42501"),
        ({"options": "-d 5"}, "42501"),
        ({"options": "search_path=a"}, "42501"),
        ({"options": "-c"}, "42501"),
        ({"options": "-c x\\"}, "42601"),
        ({"replication": "database"}, "0A000"),
        ({"REPLICATION": "1"}, "0A000"),
        ({"client_encoding": "SJIS"}, "0A000"),
        ({"options": "-c client_encoding=GBK"}, "0A000"),
        ({"standard_conforming_strings": "off"}, "0A000"),
        ({"session_preload_libraries": "x"}, "42501"),
    ],
)
def test_p4_p16_everything_else_is_refused(asked: dict[str, str], code: str) -> None:
    """P4, P16: also inside `options`, also in capitals."""
    with pytest.raises(ProtocolError) as caught:
        for_target(asked, False)
    assert caught.value.code == code


def test_p17_a_read_only_target_is_told_so_last() -> None:
    """P17: whatever a client asks for."""
    assert for_target({}, True)["default_transaction_read_only"] == "on"


@given(
    st.dictionaries(
        st.sampled_from([*ALLOWED, "options", "role", "replication", "x"]), st.text(max_size=30), max_size=4
    )
)
def test_p4_any_parameters_are_allowed_ones_or_a_protocol_error(asked: dict[str, str]) -> None:
    """P4: nothing else gets through, and nothing unpins what is pinned."""
    try:
        kept = for_target(asked, False)
    except ProtocolError:
        return
    assert {name.lower() for name in kept} <= ALLOWED | set(PINNED)
    assert {name: kept[name] for name in PINNED} == PINNED


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({"database": "shop", "user": "a"}, ("shop", "")),
        ({"database": "shop/sales", "user": "a"}, ("shop", "sales")),
        ({"database": "shop/a/b", "user": "a"}, ("shop", "a/b")),
        ({"user": "shop"}, ("shop", "")),
        ({}, ("", "")),
    ],
)
def test_p4_the_target_a_client_names(parameters: dict[str, str], wanted: tuple[str, str]) -> None:
    """P4: no database means the user's name, as in libpq."""
    assert target_of(parameters) == wanted
