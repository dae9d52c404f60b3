"""twisted_hoop.ssh.stages: the table of messages. That it is obeyed is proved in tests/attacks/test_s_transport.py."""

from __future__ import annotations

import pytest

from twisted_hoop.ssh.stages import ANYTIME, FROM_CLIENT, FROM_SERVER, KNOWN, Stage, allowed, may_leave_in_exchange

SERVICES = (Stage.SECURE, Stage.LOGIN, Stage.CONNECTED)
CHANNELS = {80, 81, 82, *range(90, 101)}


def test_every_stage_has_its_messages_on_both_sides() -> None:
    assert set(FROM_CLIENT) == set(FROM_SERVER) == set(Stage)


@pytest.mark.parametrize("from_client", [True, False])
def test_channels_only_when_connected(from_client: bool) -> None:
    """S4: nothing of ssh-connection before the login, nor while keys are exchanged."""
    for stage in Stage:
        found = allowed(stage, from_client, False) & CHANNELS
        assert found == (CHANNELS if stage is Stage.CONNECTED else set())


@pytest.mark.parametrize("from_client", [True, False])
def test_kexinit_begins_an_exchange_and_never_interrupts_one(from_client: bool) -> None:
    for stage in Stage:
        assert (20 in allowed(stage, from_client, False)) == (stage not in (Stage.EXCHANGE, Stage.NEW_KEYS))


def test_success_comes_from_servers_that_are_asked() -> None:
    """S4: nobody can tell us that a login succeeded but a target, while we log in there."""
    assert all(52 not in FROM_CLIENT[stage] for stage in Stage)
    assert [stage for stage in Stage if 52 in FROM_SERVER[stage]] == [Stage.LOGIN]


@pytest.mark.parametrize("from_client", [True, False])
@pytest.mark.parametrize("stage", [Stage.HELLO, Stage.EXCHANGE, Stage.NEW_KEYS])
def test_strict_key_exchange_has_no_room_for_anything_else(stage: Stage, from_client: bool) -> None:
    """S2."""
    strict = allowed(stage, from_client, True)
    assert strict & ANYTIME == {1}
    assert strict - ANYTIME == allowed(stage, from_client, False) - ANYTIME


def test_what_may_leave_while_keys_are_exchanged() -> None:
    """RFC 4253, section 7.1."""
    assert {n for n in range(256) if may_leave_in_exchange(n)} == {1, 2, 3, 4, *range(20, 50)}


def test_known_numbers() -> None:
    assert {1, 5, 20, 34, 50, 79, 94, 100} <= KNOWN
    assert not KNOWN & {0, 8, 83, 101, 192, 255}
