"""What the documents say is there: links, commands, options, files, configurations."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from twisted_hoop.cli.main import cli
from twisted_hoop.config import load
from twisted_hoop.demo.place import Place, Ports
from twisted_hoop.demo.tour import Tour
from twisted_hoop.postgres.parameters import ALLOWED

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
OWN_TESTS = {"identity.md", "policy-cookbook.md"}
"""Pages whose blocks of TOML have tests of their own, which know how they belong together."""

_LINK = re.compile(r"\[[^\]\n]+\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
_INDENTED = re.compile(r"(?:^ {4,}\S.*\n)+", re.M)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_COMMAND = re.compile(
    r"(?:^|\$ |\$\(|or: |&& |\| )\s*(?:[A-Z_]+=\S+ )*(?:sudo -u hoop )?(?:[\w./]*/)?hoop +([a-z-].*)", re.M
)
_DEV = re.compile(r"\./dev +([a-z]+)")
_PATH = re.compile(r"(?:\.\./)?((?:tests|docs|etc|benchmarks|docker|twisted_hoop)/[\w./-]*\w)/?")


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(params=PAGES, ids=page_id)
def page(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def prose(text: str) -> str:
    return _FENCED.sub("", text)


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", prose(page.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def code(text: str) -> Iterator[str]:
    """Blocks of commands and inline code; other languages are not ours to read."""
    for language, block in _FENCED.findall(text):
        if language in ("", "sh", "console"):
            yield block
    rest = prose(text)
    yield from _INDENTED.findall(rest)
    yield from _INLINE.findall(rest)


def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(prose(page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target}: there is no such file"
        if anchor:
            assert anchor in anchors(file), f"{target}: there is no such heading"


def test_files_that_are_named_exist(page: Path) -> None:
    for span in _INLINE.findall(prose(page.read_text())):
        if match := _PATH.fullmatch(span):
            assert (ROOT / match[1]).exists(), f"{span}: there is no such file"


def test_configurations_load(page: Path, tmp_path: Path) -> None:
    if page.name in OWN_TESTS:
        assert (ROOT / "tests" / f"test_{page.stem.replace('-', '_')}.py").exists() or (
            ROOT / "tests" / f"test_docs_{page.stem}.py"
        ).exists()
        return
    for language, block in _FENCED.findall(page.read_text()):
        if language == "toml":
            (tmp_path / "hoop.toml").write_text(block)
            load(tmp_path / "hoop.toml")


def options_of(command: click.Command) -> dict[str, bool]:
    """Option → whether a value follows it."""
    options = {"--help": False}
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            options |= dict.fromkeys((*parameter.opts, *parameter.secondary_opts), not parameter.is_flag)
    return options


def walk(line: str) -> None:
    """Follow one command line of `hoop` through its groups; every word that can be known must be."""
    outer = re.split(r" #|\||\)|&&|;|  |\"?\$\(", line)[0]
    words = iter(shlex.split(outer + '"' * (outer.count('"') % 2)))
    command: click.Command = cli
    known = options_of(cli)
    for word in words:
        if word.startswith("--"):
            name, _, value = word.partition("=")
            assert name in known, f"hoop {line}: there is no option {name}"
            if known[name] and not value:
                next(words, None)
        elif isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            assert found is not None, f"hoop {line}: there is no command {word}"
            command, known = found, known | options_of(found)


def test_commands_of_hoop_exist(page: Path) -> None:
    for block in code(page.read_text()):
        for line in _COMMAND.findall(block):
            if "\\" not in line:  # the magic of a file, not a command
                walk(line)


def test_walking_notices_what_does_not_exist() -> None:
    for line in ("sessions explain", "approvals grant ID", "approvals list --nothing"):
        with pytest.raises(AssertionError):
            walk(line)
    walk("approvals approve ID --comment 'agreed' --yes")


def test_commands_of_dev_exist(page: Path) -> None:
    names = {node.name for node in ast.parse((ROOT / "dev").read_text()).body if isinstance(node, ast.FunctionDef)} & {
        "demo",
        "test",
        "bench",
        "lint",
        "docs",
        "run",
    }
    for block in code(page.read_text()):
        assert set(_DEV.findall(block)) <= names


def test_readme_shows_what_the_demo_prints() -> None:
    """The SQL of README's transcript is that of the tour, which `--check` proves."""
    readme = (ROOT / "README.md").read_text()
    stops = {stop.name: stop.command for chapter in Tour(Place(ROOT), Ports()).chapters() for stop in chapter.stops}
    for name in ("cells", "drop", "delete"):
        sql = stops[name].partition('-c "')[2].rstrip('"')
        assert f'-c "{sql}"' in readme


def test_the_list_of_start_up_parameters_is_complete() -> None:
    """P4: what clients.md promises is what gets through."""
    page = (ROOT / "docs/clients.md").read_text()
    listed = page.partition("**Start-up parameters**")[2].partition("Another one is refused")[0]
    names = {name.lower() for name in _INLINE.findall(listed)} - {"options=-c …"}
    assert names == ALLOWED


def test_every_page_can_be_reached_from_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        at = waiting.pop()
        if at in reached or at.suffix != ".md":
            continue
        reached.add(at)
        targets = (t.partition("#")[0] for t in _LINK.findall(prose(at.read_text())) if not re.match(r"[a-z]+:", t))
        waiting += [(at.parent / target).resolve() for target in targets if target]
    assert {page_id(p) for p in PAGES} == {page_id(p) for p in reached}


def test_no_line_is_too_long_to_read(page: Path) -> None:
    for number, line in enumerate(prose(page.read_text()).splitlines(), 1):
        assert len(line) <= 160 or line.startswith(("|", "    ")) or page.parent.name == "reference", f"{page}:{number}"
