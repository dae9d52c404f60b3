"""The parent of the workers. Real processes: tests/integration/test_workers.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import maybeDeferred

from tests.support.composed import written
from tests.test_workers_child import Spawner
from twisted_hoop.config import load
from twisted_hoop.workers.in_force import read_settings
from twisted_hoop.workers.place import leaving, report, worker_of
from twisted_hoop.workers.supervisor import PATIENCE, Supervisor


class Machine(Spawner):
    """A reactor that can be stopped."""

    running = True
    stopped = 0

    def callWhenRunning(self, call: Callable[..., Any], *arguments: Any) -> None:
        call(*arguments)

    def stop(self) -> None:
        self.stopped += 1


def supervisor(folder: Path, count: int = 3) -> tuple[Supervisor, Machine]:
    path = written(folder)
    path.write_text(path.read_text().replace("[gateway]\n", f"[gateway]\nworkers = {count}\n"))
    machine = Machine()
    made = Supervisor(path, load(path), machine, {}, lambda number: ["worker", str(number)])
    return made, machine


def started(made: Supervisor, machine: Machine) -> None:
    made.startService()
    for number in range(3):
        machine.started[number].says(report([f"listener of {number}"]))


def test_the_first_starts_alone_and_the_others_when_it_is_ready(tmp_path: Path) -> None:
    made, machine = supervisor(tmp_path)
    made.startService()
    assert [process.command[1] for process in machine.started] == ["0"]
    machine.started[0].says(report([]))
    assert [process.command[1] for process in machine.started] == ["0", "1", "2"]
    sockets = [set(process.descriptors.values()) - {1, 2, "r", "w"} for process in machine.started]
    assert len(set.union(*sockets)) == 3  # each has one of its own
    stop(made, machine)


def test_R15_one_that_dies_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    made, machine = supervisor(tmp_path)
    started(made, machine)
    machine.started[1].ends()
    machine.advance(30)
    assert [process.command[1] for process in machine.started] == ["0", "1", "2", "1"]
    assert all(process.signals == [] for process in machine.started) and machine.stopped == 0
    stop(made, machine)


def test_one_that_never_came_up_stops_all(tmp_path: Path) -> None:
    made, machine = supervisor(tmp_path)
    made.startService()
    machine.started[0].says(report([]))
    machine.started[2].ends(1)
    assert (made.exit_code, machine.stopped) == (1, 1)
    stop(made, machine)


def test_a_listener_that_cannot_be_had_stops_all_before_anything_is_started(tmp_path: Path) -> None:
    made, machine = supervisor(tmp_path)
    listener = made._settings.listeners[0].model_copy(update={"endpoint": "tcp:0:interface=192.0.2.77"})
    made._settings = made._settings.model_copy(update={"listeners": [listener]})
    made.startService()
    assert (made.exit_code, machine.stopped, machine.started) == (1, 1, [])


def test_R13_all_reload_or_none(tmp_path: Path) -> None:
    made, machine = supervisor(tmp_path)
    started(made, machine)
    text = (tmp_path / "hoop.toml").read_text()
    (tmp_path / "hoop.toml").write_text(text + "nonsense = 1\n")
    made.reload()
    assert all(process.signals == [] for process in machine.started)
    (tmp_path / "hoop.toml").write_text(text.replace("workers = 3", "workers = 4"))
    made.reload()
    assert all(process.signals == [] for process in machine.started)
    (tmp_path / "hoop.toml").write_text(text + '[[rules]]\nname = "read"\neffect = "allow"\nclasses = ["read"]\n')
    made.reload()
    assert all(process.signals == ["HUP"] for process in machine.started)
    (tmp_path / "hoop.toml").write_text("broken")
    machine.started[1].ends()
    machine.advance(30)
    given = worker_of(machine.started[-1].environ)
    assert given is not None and [rule.name for rule in read_settings(Path(given.settings)).rules] == ["read"]
    stop(made, machine)


def test_one_that_drains_is_replaced_at_once_and_waited_for_at_the_end(tmp_path: Path) -> None:
    made, machine = supervisor(tmp_path)
    started(made, machine)
    machine.started[2].says(leaving())
    assert [process.command[1] for process in machine.started] == ["0", "1", "2", "2"]
    stop(made, machine)
    assert machine.started[2].signals[0] == "TERM"


def test_who_does_not_stop_in_time_is_killed(tmp_path: Path) -> None:
    made, machine = supervisor(tmp_path)
    started(made, machine)
    over = maybeDeferred(made.stopService)
    for process in machine.started[1:]:
        process.ends(0)
    machine.pump([0.5] * int(2 * (PATIENCE + 2)))
    assert machine.started[0].signals[:2] == ["TERM", "KILL"] and not over.called
    machine.started[0].ends()
    machine.advance(1)
    assert over.called


def test_who_stops_while_the_first_comes_up_starts_no_others(tmp_path: Path) -> None:
    """It may say that it is ready when the signal is under way: those it had started then would be waited for."""
    made, machine = supervisor(tmp_path)
    made.startService()
    over = maybeDeferred(made.stopService)
    machine.started[0].says(report(["listener"]))
    machine.started[0].ends(0)
    machine.advance(1)
    assert len(machine.started) == 1 and over.called


def stop(made: Supervisor, machine: Machine) -> None:
    """The end, with every process gone at once."""
    over = maybeDeferred(made.stopService)
    for process in machine.started:
        if process.protocol._process is process:
            process.ends(0)
    machine.advance(1)
    assert over.called
