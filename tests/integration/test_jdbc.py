"""pgjdbc through the gateway: what Java programs do, equal to a direct connection where nothing is masked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import LOGIN, PASSWORD, House
from tests.support.gateway import token_of

DRIVER = "/usr/share/java/postgresql.jar"
PROGRAM = Path(__file__).parents[1] / "support/jdbc/Works.java"


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, compiled once."""
    folder: Path = tmp_path_factory.mktemp("classes")
    command = ["javac", "-cp", DRIVER, "-d", str(folder), str(PROGRAM)]
    subprocess.run(command, check=True, timeout=120)
    return folder


def java(classes: Path, url: str, user: str, password: str, work: str) -> str:
    """What one work prints."""
    # One thread for the collector and no second compiler: tests run beside each other.
    options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{DRIVER}:{classes}"]
    command = ["java", *options, "Works", url, user, password, work]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def through(classes: Path, house: House, work: str, who: str = "ci", more: str = "sslmode=disable") -> str:
    url = f"jdbc:postgresql://127.0.0.1:{house.gateway.ports['pg']}/shop?{more}"
    return java(classes, url, "anybody", token_of(who), work)


def direct(classes: Path, house: House, work: str) -> str:
    server = house.server
    url = f"jdbc:postgresql://{server.host}:{server.port}/{house.database}?sslmode=disable"
    return java(classes, url, LOGIN, PASSWORD, work)


@pytest.mark.parametrize("work", ["results", "prepared", "fetched", "batch", "copy", "metadata", "errors", "cancel"])
def test_as_if_direct(house: House, classes: Path, work: str) -> None:
    told = through(classes, house, work, "bob" if work == "cancel" else "ci")
    assert told == direct(classes, house, work) and told


def test_cards_are_masked_in_text_and_in_binary(house: House, classes: Path) -> None:
    """Eight rounds: the driver changes to a statement of the server and to binary answers on the way."""
    lines = through(classes, house, "cards", more=f"sslmode=verify-full&sslrootcert={house.gateway.ca}").splitlines()
    assert len(lines) == 24 and set(lines) == set(lines[:3])
    assert "4111111111111111" in direct(classes, house, "cards") and not any("11111111" in line for line in lines)


def test_a_refusal_is_an_sqlexception_and_the_session_goes_on(house: House, classes: Path) -> None:
    told = through(classes, house, "truncate orders").splitlines()
    assert told[0].startswith("42501 ERROR: hoop: tables are not emptied here") and told[-1] == "goes on"
