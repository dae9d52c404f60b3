"""Processes the demo starts: what they print, how they end, and that none is left."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from twisted_hoop.demo.children import Children
from twisted_hoop.demo.place import DemoFailed


def children() -> Children:
    return Children({"PATH": os.environ["PATH"], "WHERE": "here"})


def test_a_program_runs_to_its_end() -> None:
    done = children().run(["sh", "-c", "cat; echo $WHERE $WHO; exit 3"], "text ", environment={"WHO": "me"})
    assert (done.code, done.output) == (3, "text here me\n")


def test_a_line_that_hangs_is_ended() -> None:
    several = children()
    done = several.finish(several.begin("echo begun; sleep 60 & sleep 60"), patience=0.3)
    assert done.code == -1 and "no answer" in done.output
    several.stop()


def test_stopping_goes_backwards_and_is_final(tmp_path: Path) -> None:
    several, log = children(), tmp_path / "log"
    script = "import signal,sys,time\nsignal.signal({0}, lambda *_: sys.exit(print({1!r}, flush=True)))\n"
    script += "print('ready', flush=True)\ntime.sleep(60)"
    for number, name in ((signal.SIGTERM, "first"), (signal.SIGINT, "second")):
        several.serve([sys.executable, "-c", script.format(int(number), name)], log, number)
    while log.read_text().count("ready") < 2:
        time.sleep(0.02)
    several.stop()
    assert log.read_text().split()[-2:] == ["second", "first"]
    with pytest.raises(DemoFailed):
        several.run(["true"])


def test_what_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twisted_hoop.demo.children.STOPPING", 0.2)
    several, log = children(), tmp_path / "log"
    deaf = (
        "import signal,time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready', flush=True)\ntime.sleep(60)"
    )
    process = several.serve([sys.executable, "-c", deaf], log)
    while "ready" not in log.read_text():
        time.sleep(0.02)
    several.stop()
    assert process.returncode == -signal.SIGKILL
