from __future__ import annotations

import pytest

from tests.support.visitor import ConsoleHouse
from twisted_hoop.console.front import is_api


@pytest.mark.parametrize("path", ["/v1", "/v1/approvals", "/healthz", "/readyz", "/metrics", "/v1/openapi.json"])
def test_paths_of_the_api(path: str) -> None:
    assert is_api(path)


@pytest.mark.parametrize("path", ["/", "/v10", "/v1x/approvals", "/approvals", "/health", "/login", "/healthzz", ""])
def test_paths_of_the_console(path: str) -> None:
    assert not is_api(path)


def test_I8_neither_door_opens_with_the_others_key(console: ConsoleHouse) -> None:
    bob = console.visitor("bob")
    token = {"Authorization": f"Bearer {console.provider.ring.token('bob', groups=['dba'], kind='human')}"}
    assert bob.get("/v1/whoami").status == 401
    assert console.visitor().ask("GET", "/v1/whoami", headers=token).status == 200
    assert console.visitor().ask("GET", "/approvals", headers=token).status == 303
