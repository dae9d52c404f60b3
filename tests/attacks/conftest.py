"""One gateway before an API server for all attacks of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.kube.place import KubePlace, kube_place


@pytest.fixture(scope="session")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubePlace]:
    """The server of the tests behind it, always; modules take a `fresh` one of it."""
    with kube_place(tmp_path_factory.mktemp("kubernetes"), own=True) as running:
        yield running
