"""The gateway's keys as an agent knows them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from twisted_hoop.agent.known import CERTIFIED, FILE, KnownGateway, keep_known, read_known
from twisted_hoop.errors import ProtocolError
from twisted_hoop.identity.ssh_certificates import HOST, USER, Certificate, Wanted, sign_certificate
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key
from twisted_hoop.ssh.algorithms import CERTIFICATES, SIGNATURES


def verified(known: KnownGateway, blob: bytes) -> None:
    """Verify, at once; raises what it raises."""
    failed: list[Any] = []
    Deferred.fromCoroutine(known.verify(blob)).addErrback(failed.append)
    if failed:
        failed[0].raiseException()


def certificate(key: PrivateKey, authority: PrivateKey, **changed: Any) -> Certificate:
    """A host certificate for agents."""
    now = int(time.time())
    usual: dict[str, Any] = {
        "key": key.public,
        "type": HOST,
        "serial": 1,
        "key_id": "gw",
        "principals": (CERTIFIED,),
        "valid_after": now - 60,
        "valid_before": now + 600,
        "critical": {},
        "extensions": {},
    }
    return sign_certificate(Wanted(**{**usual, **changed}), authority)


def test_the_first_one_is_believed_and_then_no_other() -> None:
    key, other, known = new_private_key(), new_private_key(), KnownGateway(())
    assert known.algorithms == SIGNATURES and not known.knows
    verified(known, key.public.blob)
    assert known.learned([key.public.line]) == (key.public.line,)
    verified(known, key.public.blob)
    assert known.learned([other.public.line]) == ()
    with pytest.raises(ProtocolError, match="not the one it named before"):
        verified(known, other.public.blob)


def test_keys_are_learned_only_with_the_one_that_was_shown() -> None:
    shown, named, known = new_private_key(), new_private_key(), KnownGateway(())
    verified(known, shown.public.blob)
    assert known.learned([named.public.line]) == () and not known.knows


def test_a_certificate_of_the_authority_lets_the_key_change() -> None:
    authority, key = new_private_key(), new_private_key()
    known = KnownGateway([authority.public.line])
    assert known.algorithms == (*CERTIFICATES, *SIGNATURES)
    verified(known, certificate(key, authority).blob)


@pytest.mark.parametrize(
    "changed", [{"type": USER}, {"principals": ("web-1",)}, {"valid_before": 10, "valid_after": 1}]
)
def test_S17_other_certificates_do_not(changed: dict[str, Any]) -> None:
    """S17: one for a target, of a person, or that has ended, is not the gateway's."""
    authority, key = new_private_key(), new_private_key()
    with pytest.raises(ProtocolError):
        verified(KnownGateway([authority.public.line]), certificate(key, authority, **changed).blob)


def test_S17_a_certificate_by_another_authority_does_not() -> None:
    """S17: whoever signs."""
    known = KnownGateway([new_private_key().public.line])
    with pytest.raises(ProtocolError):
        verified(known, certificate(new_private_key(), new_private_key()).blob)


def test_a_known_key_in_a_certificate_of_anybody_is_still_that_key() -> None:
    key = new_private_key()
    verified(KnownGateway([key.public.line]), certificate(key, new_private_key()).blob)


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(ProtocolError):
        verified(KnownGateway(()), b"garbage")


def test_they_are_kept(tmp_path: Path) -> None:
    assert read_known(tmp_path) == ()
    lines = (new_private_key().public.line, new_private_key().public.line)
    keep_known(tmp_path, lines)
    assert read_known(tmp_path) == lines
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_file_of_something_else_is_an_error(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe nonsense")
    with pytest.raises(ValueError):
        read_known(tmp_path)
    (tmp_path / FILE).write_text("nonsense\n")
    with pytest.raises(ValueError):
        read_known(tmp_path)
