from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.shell.doing import Context, Doing, Opened, shown
from twisted_hoop.shell.values import State, Value, unknown


def doing(*texts: str, state: State | None = None) -> Doing:
    return Doing([Value(text) for text in texts], Context(state or State()))


def test_facts_have_only_what_there_is() -> None:
    assert doing("ls").facts() == {"class": {"exec"}, "program": {"ls"}, "command": {"ls"}}
    assert doing().facts() == {"class": {"exec"}}


def test_doubt_is_a_class_and_its_first_reason_is_kept() -> None:
    one = doing("ls")
    one.doubt("first")
    one.doubt("second")
    assert one.why == "first" and one.facts()["class"] == {"exec", "dynamic"}


def test_a_word_that_is_not_known_makes_a_doubt() -> None:
    for value in (unknown("$x", "a variable"), Value("-*", glob="-*")):
        assert "dynamic" in Doing([Value("ls"), value], Context(State())).facts()["class"]
    assert "dynamic" in Doing([Value("l?", glob="l?")], Context(State())).facts()["class"]


def test_files_are_placed_where_the_shell_may_be() -> None:
    one = doing("cat", "x", state=State(places=frozenset({"/a", "/b"})))
    one.files.append(one.argv[1])
    assert one.facts()["path"] == {"/a/x", "/b/x"}
    lost = doing("cat", "x", state=State(places=None))
    lost.files.append(lost.argv[1])
    assert "dynamic" in lost.facts()["class"]


def test_trees_are_everything_below_too() -> None:
    one = doing("rm", "/a")
    one.trees.append(one.argv[1])
    assert one.facts()["path_glob"] == {"/a/**"} and one.facts()["path"] == {"/a"}
    root = doing("rm", "/")
    root.trees.append(root.argv[1])
    assert root.facts()["path_glob"] == {"/**"}


def test_redirects_open_files() -> None:
    context = Context(State(), opened=Opened(reads=(Value("/in"),), writes=(Value("out"),)))
    assert Doing([], context).facts()["path"] == {"/in", "~/out"}


def test_names_and_paths_of_programs() -> None:
    assert doing("/opt/x/ls", "a").facts()["command"] == {"ls a", "/opt/x/ls a"}
    assert doing("/bin/ls", "a").facts()["command"] == {"ls a"}
    assert doing("/bin/ls").facts()["program"] == {"ls", "/bin/ls"}


@given(st.binary())
def test_text_is_shown_and_never_lost(data: bytes) -> None:
    assert shown(data.decode("latin-1")).encode("utf-8", "surrogateescape") == data
