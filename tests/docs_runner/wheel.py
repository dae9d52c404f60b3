"""The commands by which pages install the package, with a wheel in the place of the index. Called by .ci/run.

    python -m tests.docs_runner.wheel FOLDER WHEEL       # exit code 1 when one does not do what its page says

Environments are made below FOLDER, and everything the package needs is fetched, as on an operator's machine.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.docs_runner.pages import blocks_of
from tests.docs_runner.shell import Table, run
from tests.docs_runner.steps import steps_of

ROOT = Path(__file__).parent.parent.parent
PAGES = ("docs/getting-started.md", "README.md")
PLACE = "wheel"


def main(folder: Path, wheel: Path) -> int:
    """Getting started makes the environment, README installs into it once more."""
    programs = folder / "opt/hoop/bin"
    rows = {
        "pip install twisted-hoop": f"pip install --quiet --disable-pip-version-check {wheel}",
        "/opt/hoop": str(folder / "opt/hoop"),
    }
    (folder / "opt").mkdir(exist_ok=True)
    environ = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    environ.pop("PYTHONPATH", None)
    wrong = []
    for page in PAGES:
        blocks = [block for block in blocks_of(ROOT / page, page) if block.place == PLACE and not block.reason]
        assert blocks, f"{page} installs nothing any more"
        steps = [step for block in blocks for step in steps_of(block)]
        wrong += run(steps, folder / Path(page).stem, environ, Table(rows))
    print("\n\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()))
