"""Twenty people who look at a cluster all the time: lists, watches and logs at once, and not one error."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator

import pytest

from tests.support.gateway import PATIENCE, token_of, wait_for
from tests.support.kube.place import MASKED, PLAIN, KubePlace
from tests.support.kube.raw import trust
from tests.support.kube.samples import config_map, deployment, pod, secret

USERS = 20
ROUNDS = 20
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


@pytest.fixture(scope="module")
def place(kubernetes: KubePlace) -> Iterator[KubePlace]:
    running = kubernetes.fresh()
    running.apply(pod("box"), deployment("web", 5), secret("kept", password="hunter2"), config_map("one", a="1"))
    running.kubectl("wait", "--for=condition=Ready", "pod/box", "--timeout=100s").well()
    yield running
    running.gone()


class User:
    """One person's screen: a watch that stays, and lists and logs again and again over one connection."""

    def __init__(self, place: KubePlace, number: int) -> None:
        self._place = place
        self._target = MASKED if number % 2 else PLAIN
        self._who = "ann" if number % 3 else "ci"
        self.wrong: list[str] = []
        self.events: list[str] = []
        self.threads = [threading.Thread(target=self._run, args=(what,)) for what in (self._lists, self._watch)]

    def _run(self, what: object) -> None:
        try:
            assert callable(what)
            what()
        except Exception as error:
            self.wrong.append(repr(error))

    def _connection(self) -> http.client.HTTPSConnection:
        port = self._place.gateway.ports["web"]
        return http.client.HTTPSConnection("localhost", port, context=trust(self._place), timeout=PATIENCE)

    def _ask(self, connection: http.client.HTTPSConnection, path: str) -> http.client.HTTPResponse:
        headers = {"Authorization": f"Bearer {token_of(self._who)}", "Accept": TABLE}
        where = f"/{self._target}/api/v1/namespaces/{self._place.namespace}/{path}"
        connection.request("GET", where, headers=headers)
        return connection.getresponse()

    def _lists(self) -> None:
        with contextlib.closing(self._connection()) as connection:
            for _ in range(ROUNDS):
                for path in (
                    "pods",
                    "secrets?includeObject=Object",
                    "configmaps?limit=500",
                    "pods/box/log?tailLines=10",
                ):
                    answer = self._ask(connection, path)
                    body = answer.read()
                    if answer.status != 200 or (path[0] == "s" and self._target == MASKED and b"aHVudGVyMg" in body):
                        self.wrong.append(f"{path}: {answer.status} {body[:200]!r}")

    def _watch(self) -> None:
        path = "configmaps?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
        with contextlib.closing(self._connection()) as connection:
            answer = self._ask(connection, path)
            for line in answer:
                event = json.loads(line)
                rows = event["object"].get("rows") or [{}]
                self.events += [row["object"]["metadata"]["name"] for row in rows if row.get("object")]
                if "the-end" in self.events:
                    return


def test_twenty_people_look_without_an_error(place: KubePlace) -> None:
    before = len(place.gateway.lines())
    people = [User(place, number) for number in range(USERS)]
    for each in people:
        for thread in each.threads:
            thread.start()
    for each in people:
        each.threads[0].join(4 * PATIENCE)
    wait_for(lambda: all("one" in each.events or each.wrong for each in people), "every watch to begin")
    place.apply(config_map("the-end", a="1"))
    for each in people:
        each.threads[1].join(PATIENCE)
    assert [each.wrong for each in people if each.wrong] == []
    assert all("the-end" in each.events for each in people), "every watch saw the last change"
    errors = [line for line in place.gateway.lines()[before:] if str(line.get("level")) in ("error", "critical")]
    assert errors == []
