from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.config import WELL, written
from twisted_hoop.config import load, reload
from twisted_hoop.config.check import check
from twisted_hoop.config.draft import make_draft
from twisted_hoop.config.lines import read_toml
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.settings import LimitsSection, Settings

EXAMPLE = Path(__file__).parent.parent / "etc/hoop.toml"


def test_the_example_loads_and_its_rules_compile() -> None:
    loaded = load(EXAMPLE)
    assert len(RulePolicy(loaded).version) == 16
    assert loaded.listeners[0].certificate == str(EXAMPLE.absolute().parent / "tls/hoop.pem")


def test_every_key_is_in_the_example() -> None:
    sections = re.split(r"(?m)^(?=\[)", EXAMPLE.read_text())
    for name, info in Settings.model_fields.items():
        model = getattr(info.annotation, "__args__", (info.annotation,))[0]
        text = "".join(s for s in sections if s.startswith((f"[{name}]", f"[[{name}]]", f"[{name}.", f"[[{name}.")))
        for key in model.model_fields:
            assert re.search(rf"(?m)^(# )?{key} = |^\[+{name}\.{key}\]", text), f"{name}.{key}"
    limits = next(s for s in sections if s.startswith("[targets.limits]"))
    assert all(re.search(rf"(?m)^(# )?{key} = ", limits) for key in LimitsSection.model_fields)


def test_what_is_commented_out_in_the_example_is_valid_too() -> None:
    """All keys at once cannot be right (a mask is either for requests or not), but none may be ill formed."""
    text = re.sub(r"(?m)^# ([a-z_]+ = )", r"\1", EXAMPLE.read_text())
    _, problems = make_draft(read_toml(text).data)
    assert problems == []


def test_problems_stand_in_the_order_of_the_file_with_file_and_line(tmp_path: Path) -> None:
    path = written(tmp_path, WELL.replace('"corp"', "5").replace('tls = "optional"', 'tls = "perhaps"') + "[x]\n")
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    assert caught.value.problems == [
        f'{path}:2: issuers.0.name: write a text in quotes, "like this"',
        f"{path}:10: listeners.0.tls: input should be 'required' or 'optional'",
        f"{path}:24: x: unknown key: remove it",
    ]
    assert str(caught.value).count("\n") == 2


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"a = \xff", ":1: is not UTF-8"),
        (b"\n\nb = 'x\n", ":3: not TOML"),
        (b"a = 1" + b"\n" * (4 << 20), ":1: is larger"),
    ],
)
def test_files_that_are_none(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "hoop.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    assert caught.value.problems[0].startswith(f"{path}{told}")


@pytest.mark.parametrize("name", ["gone.toml", "."])
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path / name)


def test_line_ends_of_windows_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "hoop.toml"
    path.write_bytes(WELL.replace("\n", "\r\n").encode())
    assert load(path).rules[0].name == "read"


def test_reload_gives_new_settings_whole_or_none(tmp_path: Path) -> None:
    path = written(tmp_path)
    current = load(path)
    written(tmp_path, WELL.replace('["read"]', '["read", "write"]'))
    assert reload(path, current).rules[0].classes == ["read", "write"]
    written(tmp_path, WELL + '[[rules]]\nname = "more"\neffect = "deny"\ntables = ["("]\n')
    with pytest.raises(ConfigurationError, match=r"rules\.1\.tables\.0"):
        reload(path, current)
    assert current.rules[0].classes == ["read"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("5432:interface", "5433:interface"), "listeners: cannot change"),
        (("[[rules]]", '[gateway]\nname = "x"\n[[rules]]'), "gateway.name: cannot change"),
        (("[[rules]]", '[api]\noperators = ["x"]\n[[rules]]'), "api: cannot change"),
        (("[[rules]]", '[store]\nurl = "sqlite:///x"\n[[rules]]'), "store: cannot change"),
        (("[[rules]]", '[ssh]\nbanner = "x"\n[[rules]]'), "ssh: cannot change"),
        (("[[rules]]", '[recording]\ndurability = "fsync-per-command"\n[[rules]]'), "recording: cannot change"),
    ],
)
def test_reload_refuses_what_needs_a_restart(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    current = load(written(tmp_path))
    with pytest.raises(ConfigurationError, match=told):
        reload(written(tmp_path, WELL.replace(*change)), current)


@given(st.integers(0, len(WELL)), st.integers(0, 30), st.text(max_size=8))
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_settings_or_problems(at: int, cut: int, put: str) -> None:
    """A value or the documented error, never anything else."""
    document = read_toml(WELL[:at] + put + WELL[at + cut :])
    if document.problems:
        return
    draft, problems = make_draft(document.data)
    problems += check(draft)
    if not problems:
        RulePolicy(Settings.model_validate(document.data))
