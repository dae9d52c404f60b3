"""What the site needs beside the pages of docs: those of the top folder, and the files that pages name.

The pages are written to be read in a checkout, where `../etc/hoop.toml` leads to the file. On the site such a link
leads to a page made of the file. Source: MkDocs' hooks and `File.generated`.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
OF_THE_TOP = {
    "README.md": "index.md",
    **{name: f"project/{name.lower()}" for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "NEWS.md")},
}
_LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
_FENCE = re.compile(r"^(```.*?^```)", re.M | re.S)
_LANGUAGES = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".py": "python", ".sh": "sh"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the top folder, and one for each file that a page links to."""
    named = {ROOT / name for name in OF_THE_TOP}
    pages = [*named, *(Path(file.abs_src_path) for file in files.documentation_pages() if file.abs_src_path)]
    for page in pages:
        named |= {target for target in _targets(page) if target.suffix != ".md" and target.is_file()}
    for path in sorted(named):
        if not path.is_relative_to(ROOT / "docs"):
            files.append(File.generated(config, _place(path), content=_content(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links that leave docs lead to the page made of what they name."""
    at = page.file.src_uri
    source = next((ROOT / name for name, uri in OF_THE_TOP.items() if uri == at), ROOT / "docs" / at)

    def moved(match: re.Match[str]) -> str:
        target = (source.parent / match[2]).resolve()
        if re.match(r"[a-z]+:", match[2]) or not target.exists():
            return match[0]
        uri = _place(target / "README.md" if target.is_dir() else target)
        return f"{match[1]}{posixpath.relpath(uri, posixpath.dirname(at) or '.')}{match[3]}"

    parts = _FENCE.split(markdown)
    return "".join(part if part.startswith("```") else _LINK.sub(moved, part) for part in parts)


def _targets(page: Path) -> set[Path]:
    found = _LINK.findall(_FENCE.sub("", page.read_text()))
    return {(page.parent / target).resolve() for _, target, _ in found if not re.match(r"[a-z]+:", target)}


def _place(path: Path) -> str:
    """Where a file of the checkout is on the site, as MkDocs names sources."""
    inside = path.relative_to(ROOT).as_posix()
    if inside in OF_THE_TOP:
        return OF_THE_TOP[inside]
    if inside.startswith("docs/"):
        return inside.removeprefix("docs/")
    return f"project/{path.name.lower()}.md"


def _content(path: Path) -> str:
    text = path.read_text()
    if path.suffix == ".md":
        return text
    inside = path.relative_to(ROOT).as_posix()
    return f"# {inside}\n\n````{_LANGUAGES.get(path.suffix, 'text')}\n{text.rstrip()}\n````\n"
