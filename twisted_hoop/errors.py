"""Faults and refusals that cross rooms. A denial by policy is a value (`model.Refusal`), never one of these."""

from __future__ import annotations


class HoopError(Exception):
    """The root of every error this program raises on purpose; `str()` is fit to be shown to an operator."""


class ConfigurationError(HoopError):
    """A configuration that cannot be used. `problems` holds one line each: `file:line: key: what to do`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class AuthenticationFailed(HoopError):
    """The credential proves nobody. `str()` is for the log; clients are told `public` and no more."""

    def __init__(self, why: str, public: str = "authentication failed") -> None:
        super().__init__(why)
        self.public = public


class IssuerUnavailable(AuthenticationFailed):
    """The issuer's keys cannot be had now, so the token cannot be judged. The gateway fails closed."""


class UnknownTarget(HoopError):
    """No such target, or not for this principal: a client is told the same in both cases."""


class SecretUnavailable(HoopError):
    """A secret reference could not be resolved. Never carries the secret.

    `passing`: what gives it did not answer, which says nothing of the secret; otherwise it said no. `str()` names the
    reference, and is for the log: clients are told `public` and no more.
    """

    public = "what the gateway logs in with at the target cannot be had now"

    def __init__(self, why: str, passing: bool = False) -> None:
        super().__init__(why)
        self.passing = passing


class ProtocolError(HoopError):
    """A peer broke its protocol. `side` is "client" or "target"; `code` is the protocol's own (a SQLSTATE, say)."""

    def __init__(self, why: str, side: str = "client", code: str = "08P01") -> None:
        super().__init__(why)
        self.side = side
        self.code = code


class LimitExceeded(HoopError):
    """A cap was reached. `code` is the protocol's own (53300 for PostgreSQL sessions)."""

    def __init__(self, why: str, code: str = "53300") -> None:
        super().__init__(why)
        self.code = code


class RecordingFailed(HoopError):
    """An entry could not be written. The session must end: nothing unrecorded reaches a target (R1)."""


class RecordingDamaged(HoopError):
    """A recording does not verify. `offset` is the first byte that cannot be trusted."""

    def __init__(self, why: str, offset: int = -1) -> None:
        super().__init__(why)
        self.offset = offset


class RecordingSealed(RecordingDamaged):
    """A recording may be whole, and cannot be read: its data key was destroyed, or what unwraps it is not at hand."""


class StoreUnavailable(HoopError):
    """The shared store did not answer."""


class NoticeUndelivered(HoopError):
    """A notice did not arrive. `permanent`: trying again is of no use; `after`: not sooner than in so many seconds.

    Never carries the channel's address or secrets (R11).
    """

    def __init__(self, why: str, permanent: bool = False, after: float = 0.0) -> None:
        super().__init__(why)
        self.permanent = permanent
        self.after = after


class UnknownRecording(HoopError):
    """There is no such recording, or the text is no id at all (R9)."""


class AgentUnavailable(HoopError):
    """No agent of that name is connected, or what it was asked to reach cannot be reached. `refused`: it will not."""

    def __init__(self, why: str, refused: bool = False) -> None:
        super().__init__(why)
        self.refused = refused
