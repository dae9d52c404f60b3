"""What may happen once only."""

from __future__ import annotations

import threading

from tests.support.approvals import Office
from tests.support.loop import Loop
from twisted_hoop.store.once import Once


def test_the_first_time_and_never_again(office: Office, loop: Loop) -> None:
    once = Once(office.database, office.time)

    async def go() -> list[bool]:
        until = office.time() + 300
        answers = [await once.first("slack", "v0=abc", until) for _ in range(3)]
        return [*answers, await once.first("other", "v0=abc", until), await once.first("slack", "v0=abd\ud800", until)]

    assert loop.run(go) == [True, False, False, True, True]


def test_forgotten_when_it_can_no_longer_be_valid(office: Office, loop: Loop) -> None:
    once = Once(office.database, office.time)
    assert loop.run(lambda: once.first("slack", "x", office.time() + 5))
    office.time.seconds += 6
    assert loop.run(lambda: once.first("slack", "x", office.time() + 5))


def test_A9_of_many_at_once_one_is_first(office: Office, loop: Loop) -> None:
    once, results, start = Once(office.database, office.time), [], threading.Barrier(6)

    def ask() -> None:
        start.wait()
        results.append(loop.run(lambda: once.first("slack", "same", office.time() + 300)))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 5 + [True]
