"""Which room may import from which: from its own and from lower floors, never upwards and never sideways."""

from __future__ import annotations

import re

from tests.support.source import REPOSITORY, modules

FLOORS = (
    {"errors", "model", "file_modes", "__version__"},
    {"steps", "settings"},
    {"interfaces", "targets"},
    {"policy", "sql", "shell", "transport", "observability"},
    {"lineage", "saml"},
    {"store", "identity", "masking", "secrets", "recording"},
    {"approval", "config", "archive"},
    {"gate", "sessions", "bridge", "locking", "notify", "news", "shedding"},
    {"services", "tracing"},
    {"postgres", "ssh", "http"},
    {"kubernetes", "agent"},
    {"rehearsal"},
    {"web", "turning_away"},
    {"console"},
    {"halls", "replicas", "testing", "workers"},
    {"gateway", "agent_service", "doctor"},
    {"cli", "tap", "demo", "demo_data"},
    {"agent_tap"},
)
"""From the ground up; ARCHITECTURE.md says what each room is for."""
INSIDE_THE_GATEWAY = (
    {"policies", "one_time", "warden", "telling", "observing", "health", "life", "listeners", "agents"},
    {"ground"},
    {"people", "records"},
    {"deciding"},
    {"others"},
    {"web"},
    {"doors"},
    {"service"},
)
"""The same within the composition root: no part is given one that is made after it."""

POSTGRES_CORE = (
    "asking binding client_side copying creations effects entries hiding knowledge login messages parameters plan"
    " reading registry relay startup state target_side wire"
)
SSH_CORE = (
    "asking entries events forwards holding names relay replies requests running script setup starting"
    " streams telling terms wishes"
    " keys remote_paths scp scp_paths screen sftp sftp_answers sftp_operations sftp_packets terminal transfers"
)
HTTP_CORE = (
    "answering answers bodies dialect entries exchange frames framing messages plain reading routing sharing websocket"
    " writing"
)
PURE = {
    "errors",
    "model",
    "steps",
    "settings",
    "gate",
    "sessions",
    "gateway.policies",
    *(f"postgres.{name}" for name in POSTGRES_CORE.split()),
    *(f"ssh.{name}" for name in SSH_CORE.split()),
    *(f"http.{name}" for name in HTTP_CORE.split()),
    "recording.asciicast",
    "recording.streams",
    "recording.terminal_text",
}
"""No Twisted: bytes, verdicts and values in, steps and values out. So are six whole rooms, named below."""

FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def test_every_room_has_a_floor() -> None:
    assert {module.room for module in modules()} - {""} <= set(FLOOR_OF)


def test_imports_go_down_and_never_sideways() -> None:
    """Two rooms of one floor do not know each other; so there is no circle either."""
    wrong = [
        f"{module.name} imports {room}"
        for module in modules()
        if module.name
        for room in sorted(module.rooms())
        if FLOOR_OF[room] >= FLOOR_OF[module.room]
    ]
    assert wrong == []


def test_the_parts_of_a_gateway_stand_on_those_made_before() -> None:
    floor_of = {name: floor for floor, names in enumerate(INSIDE_THE_GATEWAY) for name in names}
    parts = {m.name.removeprefix("gateway."): m for m in modules() if m.name.startswith("gateway.")}
    assert set(parts) == set(floor_of)
    wrong = [
        f"{name} imports {other}"
        for name, part in parts.items()
        for other in {each.split(".")[2] for each in part.imports() if each.startswith("twisted_hoop.gateway.")}
        if floor_of[other] >= floor_of[name]
    ]
    assert wrong == []


def test_pure_modules_import_no_twisted() -> None:
    """A relay does no I/O and reads no clock; nor does policy."""
    wrong = [
        f"{module.name} imports {name}"
        for module in modules()
        if module.name in PURE or module.room in ("policy", "sql", "shell", "lineage", "masking", "kubernetes")
        for name in module.imports()
        if name.split(".")[0] in ("twisted", "socket", "asyncio", "threading", "time")
        and not name.startswith("time.") | (module.room == "policy" and name == "time")
    ]
    assert wrong == []


def test_nobody_imports_the_composition_root() -> None:
    """But the door that twistd opens."""
    assert [m.name for m in modules() if m.room != "gateway" and "gateway" in m.rooms()] == ["tap"]


def test_the_reactor_is_an_argument() -> None:
    """Nothing looks it up but the door, and the demo, which is a program of its own."""
    users = {m.name for m in modules() if "twisted.internet.reactor" in m.imports()}
    assert users <= {"tap", "agent_tap", "demo.__main__", "demo.world", "demo.issuer"}
    assert "tap" in users


def test_only_the_gate_makes_an_admission() -> None:
    """Whoever has an Admission has been past policy and approval."""
    assert [m.name for m in modules() if "twisted_hoop.model._GATE_TOKEN" in m.imports()] == ["gate"]


def test_the_map_has_every_room_and_no_other() -> None:
    """And every module of PostgreSQL, whose core it explains one by one."""
    text = (REPOSITORY / "ARCHITECTURE.md").read_text()
    rooms = _first_cells(text[text.index("## Rooms") : text.index("## The parts of a gateway")])
    side = {"server", "opening", "target", "simple", "catalogue_source", "authentication", "hall"}
    assert rooms - side == set(FLOOR_OF) - {"__version__"}
    core = _first_cells(text[text.index("## The pure core") : text.index("## The way of an SSH channel")])
    assert core | side == {m.name.partition(".")[2] for m in modules() if m.name.startswith("postgres.")}


def _first_cells(table: str) -> set[str]:
    rows = (line.split("|")[1:3] for line in table.splitlines() if line.startswith("| "))
    return {name for first, second in rows for name in re.findall(r"`([a-z_]+)`", first if first.strip() else second)}
