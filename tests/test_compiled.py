"""The hot path is proved both ways: compiled where the tree is, and interpreted in a copy without compiled modules."""

from __future__ import annotations

import importlib
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import setuptools

from tests.support.source import PACKAGE, REPOSITORY

SUFFIXES = (".so", ".pyd")
PURE_TESTS = ("wire", "messages", "registry", "state", "plan", "asking", "client_side", "target_side", "relay")


def listed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modules that setup.py compiles."""
    monkeypatch.setenv("HOOP_COMPILE", "0")
    monkeypatch.setattr(setuptools, "setup", lambda **options: None)
    modules: list[str] = runpy.run_path(str(REPOSITORY / "setup.py"))["MODULES"]
    return modules


def compiled(module: str, root: Path = REPOSITORY) -> bool:
    path = root / module
    return any(found.suffix in SUFFIXES for found in path.parent.glob(f"{path.stem}.*"))


def test_what_setup_compiles_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = listed(monkeypatch)
    assert len(modules) > 15
    assert [module for module in modules if not (REPOSITORY / module).is_file()] == []


def test_compiled_modules_are_used_where_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """All or none: half a group would call through Python again."""
    modules = listed(monkeypatch)
    there = {module for module in modules if compiled(module)}
    assert there in (set(), set(modules))
    for module in modules:
        loaded: Any = importlib.import_module(module.removesuffix(".py").replace("/", "."))
        assert loaded.__file__.endswith(SUFFIXES) is (module in there), module


def test_the_same_sources_run_interpreted(tmp_path: Path) -> None:
    """A copy of the package without compiled modules passes the tests of the pure core."""
    shutil.copytree(PACKAGE, tmp_path / "twisted_hoop", ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"))
    shutil.copytree(REPOSITORY / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    where = (
        "import sys, twisted_hoop.postgres.wire as w;"
        "sys.exit(not (w.__file__.startswith(sys.argv[1]) and w.__file__.endswith('.py')))"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path / "examples"),
    }
    environment.pop("PYTEST_XDIST_WORKER", None)
    subprocess.run([sys.executable, "-c", where, str(tmp_path)], cwd=tmp_path, env=environment, check=True)
    tests = [f"tests/test_postgres_{name}.py" for name in PURE_TESTS]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", *tests]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-1000:]
    assert "100%" in ran.stdout
