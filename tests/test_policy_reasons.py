from __future__ import annotations

from tests.support.policy import facts
from twisted_hoop.model import Effect
from twisted_hoop.policy.reasons import no_rule
from twisted_hoop.policy.what import prepared


def why(**values: str) -> str:
    decision = no_rule(prepared(facts(**values)), "v")
    assert decision.effect is Effect.DENY and decision.policy_version == "v"
    return decision.reason


def test_what_was_not_understood_is_told_as_such() -> None:
    assert "not understood" in why(class_="unknown") and "not understood" in why(table="public.orders")
    assert "not understood" in no_rule(None, "v").reason


def test_the_guarded_class_is_the_reason() -> None:
    assert why(class_="read dynamic", table="public.orders") == "no rule allows dynamic"


def test_functions_that_may_do_anything_are_named() -> None:
    assert why(class_="read", flag="user-function", function="do_write").endswith("PostgreSQL's own (do_write)")


def test_long_lists_and_names_are_cut() -> None:
    assert why(class_="write", table="a b c d e f g") == "no rule allows write of a, b, c, d, e and 2 more"
    assert len(why(class_="write", table="x" * 5000)) < 200


def test_shell_commands_are_told_by_their_programs() -> None:
    assert why(class_="exec", program="rm /bin/rm", command="rm", path="/etc") == "no rule allows exec of rm"
    assert why(class_="exec dynamic", program="sh") == "no rule allows dynamic of sh"
    assert why(class_="file-read", path="/etc/x") == "no rule allows file-read of /etc/x"
    assert why(class_="forward", destination="db:22") == "no rule allows forward of db:22"
    assert why(class_="exec", program="\x1b[2J\udcff") == r"no rule allows exec of \x1b[2J\udcff"
