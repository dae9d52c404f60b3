"""Small files, short functions, everything public explained, every module tested."""

from __future__ import annotations

import ast

from tests.support.source import REPOSITORY, modules, public

LONGEST_FILE = 500
LONGEST_FUNCTION = 60
LONG_FOR_A_REASON = {
    "postgres.wire.Rewriter._feed": "the byte loop: a call for each message would cost more than the loop",
}
WITHOUT_A_TEST_OF_ITS_NAME = {
    "__init__": "says what the package is",
    "cli.__main__": "one call of cli.main, which test_cli_main makes",
    "demo.__main__": "the demo runs as a whole, by its own check: test_demo",
    "demo.browser": "test_demo",
    "demo.checks": "test_demo",
    "demo.database": "test_demo",
    "demo.tokens": "test_demo",
    "demo.world": "test_demo",
    **dict.fromkeys(
        (
            "settings",
            "settings.agents",
            "settings.base",
            "settings.console",
            "settings.gateway",
            "settings.identity",
            "settings.network",
            "settings.notify",
            "settings.rules",
            "settings.secrets",
            "settings.saml",
            "settings.tracing",
        ),
        "the schema is proved by test_config_schema and test_config_draft, its page by test_config_reference",
    ),
    "agent.settings": "values; every key is read in test_agent_configuration and stands in etc/agent.toml",
    "lineage.catalogue": "values and one look-up; made and read in test_lineage_catalogue_reader",
    "sql.statements": "values; made and read in test_sql_reader",
    "masking.integers": "what mypyc calls its integers; used by test_masking_cards",
    "postgres.integers": "what mypyc calls its integers; used by test_postgres_wire",
    "http.dialect": "protocols only; provided by what test_http_plain tests",
    "http.messages": "values; made and read in test_http_reading",
    "shell.tree": "values; made and read in test_shell_grammar",
    "shell.reading": "values; made and read in test_shell_reader and test_shell_understanding",
    "shell.handling": "protocols, and one function that test_shell_shells calls by every ssh and eval",
    **dict.fromkeys(
        ("ssh.asking", "ssh.running", "ssh.starting", "ssh.terms"),
        "what ssh.relay consists of: each state and word of it in test_ssh_relay",
    ),
    "kubernetes.parts": "values and protocols; provided and passed in test_kubernetes_websocket and _spdy_streams",
    **dict.fromkeys(
        ("kubernetes.forwarded", "kubernetes.pipes"),
        "what kubernetes.forwards consists of: each entry and both pipes in test_kubernetes_forwards",
    ),
    "kubernetes.streams": "what kubernetes.execs consists of: masks, digests and entries in test_kubernetes_execs",
    "ssh.events": "values; made and read in test_ssh_relay",
    "ssh.lane": "the wiring of one channel: test_ssh_session",
    "ssh.handlers": "protocols only; provided by what test_ssh_connection tests",
    "ssh.limits": "values; each is reached in test_ssh_transport and test_ssh_connection",
    "store.migrations.env": "run by every test of test_store_migrate",
    "store.migrations.versions.v0006_secret_leases": "run by every test of test_store_migrate",
    "store.migrations.versions.v0001_first": "run by every test of test_store_migrate",
    "store.migrations.versions.v0002_watching": "run by every test of test_store_migrate",
    "store.migrations.versions.v0005_agents": "run by every test of test_store_migrate",
    "store.migrations.versions.v0004_archive": "run by every test of test_store_migrate",
    "store.migrations.versions.v0003_replicas": "run by every test of test_store_migrate",
}
"""Module → why, or which test proves it."""
INHERITED_DOCSTRINGS = {
    "masking.copybinary": "the methods of a codec are explained once, in its protocol",
    "masking.copylines": "the methods of a codec are explained once, in its protocol",
    "policy.names": "the methods are explained once, in their protocol",
}


def test_no_file_is_long() -> None:
    long = {m.name: m.text.count("\n") for m in modules() if m.text.count("\n") > LONGEST_FILE}
    assert long == {}


def test_no_function_is_long() -> None:
    long = {}
    for module in modules():
        for name, node in _functions(module.tree.body):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                long[f"{module.name}.{name}"] = lines
    assert set(long) == set(LONG_FOR_A_REASON), long


def _functions(body: list[ast.stmt], prefix: str = "") -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    found: list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]] = []
    for node in body:
        if isinstance(node, ast.ClassDef):
            found += _functions(node.body, f"{node.name}.")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.append((prefix + node.name, node))
    return found


def test_everything_public_has_a_docstring() -> None:
    missing = [m.name for m in modules() if m.text.strip() and ast.get_docstring(m.tree) is None]
    for module in modules():
        if module.name not in INHERITED_DOCSTRINGS:
            missing += [
                f"{module.name}.{name}" for name, node in public(module.tree.body) if not ast.get_docstring(node)
            ]
    assert missing == []


def test_every_module_has_a_test_of_its_name() -> None:
    tests = {path.stem for path in (REPOSITORY / "tests").rglob("test_*.py")}
    untested = {
        module.name or "__init__"
        for module in modules()
        if f"test_{module.name.replace('.', '_')}" not in tests and not _only_words(module.tree)
    }
    assert untested == set(WITHOUT_A_TEST_OF_ITS_NAME)


def _only_words(tree: ast.Module) -> bool:
    """An `__init__` that says what a room is, and perhaps takes names out of it."""
    kinds = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign)
    names = {
        t.id for node in tree.body if isinstance(node, ast.Assign) for t in node.targets if isinstance(t, ast.Name)
    }
    calls = [node for node in tree.body if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)]
    return not calls and all(isinstance(node, kinds) for node in tree.body) and names <= {"__all__"}


def test_no_two_files_of_tests_have_one_name() -> None:
    """They are modules of one process without packages: pytest imports the first, and refuses the second."""
    names = [path.name for path in (REPOSITORY / "tests").rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []
