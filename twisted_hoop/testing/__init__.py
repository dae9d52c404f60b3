"""What tests of this program, and of providers written for it, may use: fakes, the Script playbook, message builders.

The fakes keep the promises of `interfaces.py`. Builders for one protocol are in a module of its name: `postgres.py`.
"""

from __future__ import annotations

from twisted_hoop.testing.fakes import (
    ALLOWED,
    DENIED,
    FakeApprover,
    FakeGate,
    FakePending,
    FakePolicy,
    FakeRecorder,
    FakeRecording,
    make_session,
)
from twisted_hoop.testing.script import Heard, Script, run_now

__all__ = [
    "ALLOWED",
    "DENIED",
    "FakeApprover",
    "FakeGate",
    "FakePending",
    "FakePolicy",
    "FakeRecorder",
    "FakeRecording",
    "Heard",
    "Script",
    "make_session",
    "run_now",
]
