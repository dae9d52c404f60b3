"""The numbers are the letters of the protocol's page on message formats."""

from __future__ import annotations

import pytest

from twisted_hoop.postgres import letters

CLIENT = {
    "QUERY": "Q",
    "PARSE": "P",
    "BIND": "B",
    "DESCRIBE": "D",
    "EXECUTE": "E",
    "CLOSE": "C",
    "SYNC": "S",
    "FLUSH": "H",
    "FUNCTION": "F",
    "TERMINATE": "X",
    "COPY_DATA": "d",
    "COPY_DONE": "c",
    "COPY_FAIL": "f",
}
TARGET = {"BIND_COMPLETE": "2", "ROW_DESCRIPTION": "T", "COMMAND_COMPLETE": "C", "READY": "Z", "IDLE": "I"}


@pytest.mark.parametrize(("name", "letter"), [*CLIENT.items(), *TARGET.items()])
def test_each_number_is_its_letter(name: str, letter: str) -> None:
    assert getattr(letters, name) == ord(letter)


def test_all_are_named_here() -> None:
    assert {name for name in vars(letters) if name.isupper()} == {*CLIENT, *TARGET}
