"""What views make is what the types say, to the member."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from tests.support.api import Api
from tests.support.approvals import ALICE, DELETE, RETRY, session_of
from twisted_hoop.web import shapes


@pytest.mark.parametrize(
    ("path", "who", "shape"),
    [
        ("/healthz", "", shapes.Status),
        ("/readyz", "", shapes.Readiness),
        ("/v1/whoami", "alice", shapes.WhoAmI),
        ("/v1/approvals", "bob", shapes.Approvals),
        ("/v1/access", "alice", shapes.Access),
        ("/v1/sessions", "carol", shapes.Sessions),
        ("/v1/sessions/session-0001/entries", "carol", shapes.Entries),
        ("/v1/sessions/session-9999/reads", "carol", shapes.Readings),
        ("/v1/configuration", "olga", shapes.Configuration),
        ("/v1/health", "olga", shapes.Health),
        ("/v1/locks", "olga", shapes.Locks),
        ("/v1/deliveries", "olga", shapes.Deliveries),
    ],
)
def test_answers_have_their_shape(api: Api, path: str, who: str, shape: type) -> None:
    api.file(ALICE, RETRY, DELETE)
    api.loop.run(lambda: api.parts.sessions.opened(session_of(ALICE, "session-9999")))
    answer = api.ask("GET", path, who)
    assert answer.status == 200
    TypeAdapter(shape).validate_python(answer.json, strict=True)
    assert set(answer.json) == set(shape.__annotations__)
