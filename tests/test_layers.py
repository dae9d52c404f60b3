"""Which room may import from which: from its own and from lower floors, never upwards and never sideways."""

from __future__ import annotations

from tests.support.source import modules

FLOORS = (
    {"errors", "model", "file_modes", "__version__"},
    {"steps", "settings"},
    {"interfaces", "targets"},
    {"policy", "sql", "shell", "transport", "observability"},
    {"lineage", "saml"},
    {"store", "identity", "masking", "secrets", "recording"},
    {"approval", "config", "one_time", "archive"},
    {"gate", "sessions", "bridge", "locking", "notify", "news", "shedding"},
    {"services", "tracing"},
    {"postgres", "ssh", "http"},
    {"kubernetes", "agent"},
    {"rehearsal"},
    {"web", "regression", "turning_away"},
    {"console"},
    {"policies", "halls", "warden", "replicas", "health", "life", "listeners", "testing", "workers"}
    | {"agents", "telling"},
    {"service", "agent_service", "doctor"},
    {"cli", "tap", "demo", "demo_data"},
    {"agent_tap"},
)
"""From the ground up; ARCHITECTURE.md says what each room is for."""

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
    "policies",
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
    assert [m.name for m in modules() if "service" in m.rooms()] == ["tap"]


def test_the_reactor_is_an_argument() -> None:
    """Nothing looks it up but the door, and the demo, which is a program of its own."""
    users = {m.name for m in modules() if "twisted.internet.reactor" in m.imports()}
    assert users <= {"tap", "agent_tap", "demo.__main__", "demo.world", "demo.issuer"}
    assert "tap" in users


def test_only_the_gate_makes_an_admission() -> None:
    """Whoever has an Admission has been past policy and approval."""
    assert [m.name for m in modules() if "twisted_hoop.model._GATE_TOKEN" in m.imports()] == ["gate"]
