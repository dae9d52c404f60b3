"""Words between the workers of one machine."""

from __future__ import annotations

from pathlib import Path

from tests.support.gateway import wait_for
from tests.support.loop import Loop
from twisted_hoop.news.local import LocalNews
from twisted_hoop.news.word import Word


def made(loop: Loop, folder: Path, ident: str) -> tuple[LocalNews, list[Word]]:
    heard: list[Word] = []
    news = LocalNews(loop.reactor, folder, ident, heard.append)
    loop.run(news.start)
    return news, heard


def test_all_others_hear_it_in_order(loop: Loop, tmp_path: Path) -> None:
    folder = tmp_path / ("a folder whose name is longer than the address of a socket may be " * 2)
    folder.mkdir()
    parts = [made(loop, folder, name) for name in ("one", "two", "three")]
    for number in range(100):
        loop.run(lambda number=number: parts[0][0].tell("approval", str(number)))
    expected = [Word("approval", str(number), "one") for number in range(100)]
    for _, heard in parts[1:]:
        wait_for(lambda heard=heard: heard == expected, "the words")
    assert parts[0][1] == []
    for news, _ in parts:
        loop.run(news.stop)
        loop.run(news.stop)
        news.tell("approval", "late")
    assert list(folder.iterdir()) == []


def test_the_socket_of_one_that_was_killed_is_removed(loop: Loop, tmp_path: Path) -> None:
    news, _ = made(loop, tmp_path, "one")
    other, heard = made(loop, tmp_path, "two")
    dead = LocalNews(loop.reactor, tmp_path, "dead", heard.append)
    loop.run(dead.start)
    loop.run(lambda: loop.reactor.removeReader(dead))
    assert dead._socket is not None
    dead._socket.close()  # what the kernel does for a process that is killed
    loop.run(lambda: news.tell("locks"))
    wait_for(lambda: heard == [Word("locks", "", "one")], "the word")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.news", "two.news"]
    again = LocalNews(loop.reactor, tmp_path, "two", heard.append)
    loop.run(other.stop)
    loop.run(again.start)
    loop.run(news.stop)
    loop.run(again.stop)


def test_one_that_does_not_listen_holds_nobody_up_and_a_listener_that_fails_hears_on(
    loop: Loop, tmp_path: Path
) -> None:
    news, _ = made(loop, tmp_path, "one")
    heard: list[Word] = []

    def fails(word: Word) -> None:
        heard.append(word)
        raise ValueError("not understood")

    slow = LocalNews(loop.reactor, tmp_path, "slow", fails)
    loop.run(slow.start)
    loop.run(lambda: loop.reactor.removeReader(slow))
    loop.run(lambda: [news.tell("approval", "x" * 3000) for _ in range(2000)])
    loop.run(lambda: loop.reactor.addReader(slow))
    wait_for(lambda: heard, "some of the words")
    before = len(heard)
    wait_for(lambda: loop.run(lambda: news.tell("locks")) or len(heard) > before, "words after those")
    loop.run(news.stop)
    loop.run(slow.stop)
