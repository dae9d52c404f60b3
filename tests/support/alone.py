"""After a run with failures: run those tests once more, alone, when they are few; says which passed only so.

With thousands of tests that start real servers beside each other, a stalled machine fails one in some runs. More than
`FEW` failures are never the machine. Exits with 1 unless every one of them passes alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FEW = 3
ROOT = Path(__file__).resolve().parents[2]
FAILED = ROOT / ".pytest_cache/v/cache/lastfailed"


def main() -> int:
    failed = sorted(json.loads(FAILED.read_text())) if FAILED.exists() else []
    if not 0 < len(failed) <= FEW:
        print(f"{len(failed)} tests failed: not run again")
        return 1
    again = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:xdist", "-q", *failed], cwd=ROOT).returncode
    for name in failed:
        print(f"FAILED BESIDE OTHERS, {'failed' if again else 'passed'} alone: {name}")
    return 1 if again else 0


if __name__ == "__main__":
    sys.exit(main())
