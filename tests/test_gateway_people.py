"""Who may come in, and who may stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.composed import ground_of
from tests.support.loop import Loop
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.gateway.people import People
from twisted_hoop.settings import Settings
from twisted_hoop.testing import make_session


@pytest.fixture
def people(loop: Loop, tmp_path: Path) -> People:
    ground = ground_of(loop, tmp_path)
    return loop.run(lambda: People(ground))


def test_the_keys_of_a_gateway_stay(people: People, loop: Loop, tmp_path: Path) -> None:
    ground = ground_of(loop, tmp_path)
    again = loop.run(lambda: People(ground))
    assert again.authority.user_ca.line == people.authority.user_ca.line
    assert again.authority.host_key.public.line == people.authority.host_key.public.line


def test_i9_a_lock_is_of_people_and_of_targets(people: People) -> None:
    """I9: whoever looks finds it at once, with its reason."""
    session = make_session()
    assert people.lock_of(session) == ""
    people.locks.lock("target", session.target.name, reason="incident 7")
    assert people.lock_of(session) == f"target {session.target.name} incident 7"
    people.locks.unlock("target", session.target.name)
    people.locks.lock("principal", session.principal.key)
    assert people.lock_of(session) == f"principal {session.principal.key}"
    assert not people.still_valid(session.principal)


def test_what_a_reload_prepares_is_in_force_when_it_says_so(people: People, loop: Loop) -> None:
    """R13: until then, and when it cannot be made, the one before is."""
    before = people.provider()
    settings = Settings.model_validate({"issuers": [{"name": "a", "issuer": "https://a.test", "audience": ["hoop"]}]})
    replace = loop.run(lambda: people.replacing(settings))
    assert people.provider() is before
    loop.run(replace)
    after = people.provider()
    assert after is not before and after.locks is people.locks
    assert [each["name"] for each in after.describe()] == ["a"]


def test_r13_what_cannot_be_made_changes_nothing(people: People, loop: Loop, tmp_path: Path) -> None:
    """R13: keys that cannot be read are told before anything is replaced."""
    before = people.provider()
    wanted = {"enabled": True, "keys": [str(tmp_path / "nowhere.pem")]}
    settings = Settings.model_validate({"gateway": {"url": "https://hoop.test"}, "own_issuer": wanted})
    with pytest.raises(ConfigurationError, match=r"nowhere\.pem"):
        loop.run(lambda: people.replacing(settings))
    assert people.provider() is before and people.own is None
