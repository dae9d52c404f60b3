"""Every command of the documents is run, or says why not; see tests/docs_runner."""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.docs_runner.full_house import full_house
from tests.docs_runner.hosts import routes_of
from tests.docs_runner.http_api_place import http_api
from tests.docs_runner.kubernetes_place import kubernetes
from tests.docs_runner.lent_places import cluster, vault
from tests.docs_runner.machine_place import machine
from tests.docs_runner.pages import Block, blocks_of
from tests.docs_runner.places import Place, demo
from tests.docs_runner.shell import Table, end_what_stays, run
from tests.docs_runner.ssh_place import ssh_place
from tests.docs_runner.steps import literal, matches, steps_of

ROOT = Path(__file__).parent.parent
GENERATED = {"docs/reference/cli.md", "docs/reference/http-api.md", "docs/reference/configuration.md"}
"""Pages that are made of the code, which their own tests compare."""
ELSEWHERE = {"containers": "tests/containers/page.py", "wheel": "tests/docs_runner/wheel.py"}
"""Places that CI runs by themselves, as they take more than a test may: what runs them."""
PLACES: dict[str, Callable[[Path], AbstractContextManager[Place]]] = {
    "cluster": cluster,
    "demo": demo,
    "house": full_house,
    "http-api": http_api,
    "kubernetes": kubernetes,
    "machine": machine,
    "ssh": ssh_place,
    "vault": vault,
}
PAGES = [
    str(page.relative_to(ROOT))
    for page in sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
    if str(page.relative_to(ROOT)) not in GENERATED
]
BLOCKS = {page: list(blocks_of(ROOT / page, page)) for page in PAGES}
RUN = {
    page: [block for block in blocks if block.place in PLACES and not (block.reason or block.starts)]
    for page, blocks in BLOCKS.items()
}


class World:
    """Places that are started when the first page needs them, and run until the module ends."""

    def __init__(self, home: Path, stack: contextlib.ExitStack) -> None:
        self._home = home
        self._stack = stack
        self._places: dict[str, Place] = {}

    def place(self, name: str) -> Place:
        """A running one."""
        if name not in self._places:
            self._places[name] = self._stack.enter_context(PLACES[name](self._home / name))
        return self._places[name]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        yield World(tmp_path_factory.mktemp("documents"), stack)


@pytest.mark.parametrize("page", [page for page in PAGES if RUN[page]])
def test_commands_do_what_the_page_shows(page: str, world: World) -> None:
    """One shell a page; a page that changes who runs it begins another one in the same folder, or in one elsewhere."""
    wrong: list[str] = []
    folders: dict[str, Path] = {}
    try:
        for part in _parts(RUN[page]):
            place = world.place(part[0].place)
            folder = folders.setdefault(part[0].place, place.folder(re.sub(r"\W", "-", page)))
            steps = [step for block in part for step in steps_of(block)]
            wrong += run(steps, folder, place.given(part[0].who), place.table, place.typed)
    finally:
        for name, folder in folders.items():
            end_what_stays(folder)
            world.place(name).ended()
    assert not wrong, "\n\n".join(wrong)


def _parts(blocks: list[Block]) -> list[list[Block]]:
    parts: list[list[Block]] = []
    for block in blocks:
        if not parts or (parts[-1][0].place, parts[-1][0].who) != (block.place, block.who):
            parts.append([])
        parts[-1].append(block)
    return parts


def test_what_is_not_run_says_why() -> None:
    unmarked = [
        str(block)
        for blocks in BLOCKS.values()
        for block in blocks
        if not (block.place or block.reason or block.starts)
    ]
    assert unmarked == []


def test_the_demo_is_started_in_the_same_words_everywhere() -> None:
    """README's are those that the place is started with."""
    started = [block.text.splitlines()[-1] for blocks in BLOCKS.values() for block in blocks if block.starts]
    assert started == ["./dev demo"] * len(started) and len(started) >= 2


def test_what_is_run_elsewhere_is_run_by_ci() -> None:
    """The scripts read the same pages, and .ci/run calls both."""
    named = {block.place for blocks in BLOCKS.values() for block in blocks if block.place not in ("", *PLACES)}
    assert named <= set(ELSEWHERE)
    ci = (ROOT / ".ci/run").read_text()
    assert "tests/containers/run" in ci and "run_page(" in (ROOT / "tests/containers/tour.py").read_text()
    assert "tests.docs_runner.wheel" in ci


def test_no_command_hides_in_a_block_that_is_not_marked() -> None:
    """Indented blocks and fences without a language would be run by nobody."""
    for page in PAGES:
        text = re.sub(r"^( *)(`{3,}).*?^\1\2$", "", (ROOT / page).read_text(), flags=re.M | re.S)
        hidden = re.findall(r"(?:\A|\n|\n#[^\n]*)\n {4,}(\S.*)", text)
        assert [line for line in hidden if not re.match(r"[-*|\d]", line)] == [], page


def test_what_is_run_and_what_is_not_is_counted() -> None:
    """Less is not run than that, and no less is run: who goes over it looks first whether a place can run it."""
    run_now = sum(len(blocks) for blocks in RUN.values())
    not_run = [block for blocks in BLOCKS.values() for block in blocks if block.reason]
    print(Counter(block.reason for block in not_run))
    assert run_now >= 118
    assert len(not_run) <= 8


def test_output_is_compared_word_by_word() -> None:
    assert matches("a …\nb", "  a 1\n\nc\nb\n")
    assert matches("Request …, rule x", "Request 77ab, rule x")
    assert not matches("a b", "a  c")
    assert not matches("a", "a b")
    assert not matches(" ".join(["…"] * 40) + " end", "word " * 2000)  # and says so at once
    assert literal("NOTICE:  hoop: waiting … for") == "hoop: waiting"


def test_what_stays_goes_on_until_it_is_ended(tmp_path: Path) -> None:
    """Ctrl-C reaches all of it, also where tests run in the background; the next block finds it gone."""
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- run: demo -->\n<!-- stays -->\n```console\n"
        "$ trap 'echo ended > note; exit' INT; echo $$ > number; echo it is ready; while :; do sleep 0.1; done\n"
        "it is ready\n```\n```sh\nkill -0 $(cat number)\n```\n"
        "<!-- ends -->\n```console\n$ cat note\nended\n```\n"
    )
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    steps = [step for block in blocks_of(page, "page") for step in steps_of(block)]
    assert run(steps, tmp_path / "folder", environ, Table({})) == []


def test_a_place_that_is_not_ready_ends_the_page_at_once(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- run: demo -->\n<!-- stays -->\n```console\n$ false\nready\n```\n```sh\ntrue\n```\n")
    steps = [step for block in blocks_of(page, "page") for step in steps_of(block)]
    wrong = run(steps, tmp_path / "folder", {"PATH": os.environ["PATH"]}, Table({}))
    end_what_stays(tmp_path / "folder")
    assert [line.partition(":")[0] for line in wrong] == ["page", "page"] and "(it was not reached)" in wrong[1]


def test_names_of_the_pages_lead_to_this_machine() -> None:
    found = routes_of("hoop.example.com:8443=40001 hoop.example.com:443=40001")
    assert found == {("hoop.example.com", 8443): 40001, ("hoop.example.com", 443): 40001}


def test_pages_are_read_as_their_comments_say(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- run: demo as bob -->\n```console\n$ a \\\n  b\nout\n$ c\n```\n\n"
        "<!-- not run: a click -->\n```sh\nd\n```\n"
        "````md\n<!-- waits -->\n````\n```text\nno\n```\n<!-- waits -->\n```sh\ne\n```\n"
        "<!-- run: demo as bob at a browser -->\n<!-- stays -->\n```sh\nf\n```\n<!-- ends -->\n```sh\ng\n```\n"
    )
    first, second, third, fourth, fifth = blocks_of(page, "page")
    assert (fourth.who, fourth.stays, fourth.ends, fifth.stays, fifth.ends) == (
        "bob at a browser",
        True,
        False,
        False,
        True,
    )
    assert [(step.command, step.shown) for step in steps_of(first)] == [("a \\\n  b", "out"), ("c", None)]
    assert (first.place, first.who, second.reason, third.waits, third.reason) == ("demo", "bob", "a click", True, "")
