from __future__ import annotations

import pytest

from tests.support.shell import commands, doubts, found


@pytest.mark.parametrize(
    "text",
    [
        "docker exec web ls", "docker exec -it -u root -e A=b web ls", "docker -H tcp://x exec web ls",
        "podman exec web ls", "docker run --rm -v /a:/b alpine ls", "docker run --entrypoint ls alpine",
        "docker compose exec web ls", "docker compose -f x.yml run web ls", "docker-compose exec web ls",
        "docker container exec web ls", "kubectl exec pod -- ls", "kubectl -n x exec -it pod -c y -- ls",
        "ip netns exec n ls", "ip -n x netns exec n ls", "ip net e n ls", "ip vrf exec red ls",
    ],
)  # fmt: skip
def test_the_command_inside_is_judged(text: str) -> None:
    """C2."""
    assert "ls" in commands(text) and not doubts(text)


@pytest.mark.parametrize(
    "text", ["docker exec --what web ls", "kubectl exec pod ls", "ip -batch x", "docker run -Z a ls"]
)
def test_what_cannot_be_told_is_dynamic(text: str) -> None:
    assert "dynamic" in doubts(text)


def test_what_reaches_the_host_is_privileged() -> None:
    for text in ("docker run -v /:/h alpine ls", "docker run --privileged alpine ls", "ip netns exec n ls"):
        assert "privileged" in found(text, "flag")
    assert "/" in found("docker run -v /:/h alpine ls", "path")


def test_other_verbs_are_plain() -> None:
    for text in ("docker ps -a", "docker logs web", "kubectl get pods", "ip addr", "podman images"):
        assert not doubts(text)
