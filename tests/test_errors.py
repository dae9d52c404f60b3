"""Faults that cross rooms have one root, and carry what a client may be told apart from what a log may hold."""

from __future__ import annotations

import inspect

from twisted_hoop import errors


def test_every_error_has_the_one_root() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    assert len(kinds) > 8
    assert [kind for kind in kinds if not issubclass(kind, errors.HoopError)] == []


def test_a_configuration_tells_every_problem() -> None:
    error = errors.ConfigurationError(["hoop.toml:1: a: b", "hoop.toml:2: c: d"])
    assert str(error) == "hoop.toml:1: a: b\nhoop.toml:2: c: d"
    assert len(error.problems) == 2


def test_a_client_is_told_less_than_the_log() -> None:
    error = errors.AuthenticationFailed("the token's kid is unknown")
    assert "kid" in str(error)
    assert "kid" not in error.public
    assert isinstance(errors.IssuerUnavailable("down"), errors.AuthenticationFailed), "it fails closed"


def test_codes_and_sides() -> None:
    fault = errors.ProtocolError("no")
    assert (fault.side, fault.code) == ("client", "08P01")
    assert errors.LimitExceeded("too many").code == "53300"
    assert errors.RecordingDamaged("cut", 7).offset == 7
