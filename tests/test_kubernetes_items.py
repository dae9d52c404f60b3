"""The items of a list, one by one; what a list may look like is tried in test_kubernetes_lists."""

from __future__ import annotations

import json
import time

import pytest

from tests.support.kube_bodies import compact, objects
from twisted_hoop.kubernetes.items import Items


def items() -> Items:
    return Items(objects("Secret/data/.*"), "SecretList", "v1")


def test_what_follows_the_list_is_left() -> None:
    out: list[bytes] = []
    buffer = bytearray(b' {"a":1} , {"a":2},{"b":3} ] , "x" : 1}')
    assert items().run(buffer, out, True)
    assert bytes(buffer).strip() == b'] , "x" : 1}'
    assert json.loads(b"[" + b"".join(out) + b"]") == [{"a": 1}, {"a": 2}, {"b": 3}]


@pytest.mark.parametrize("data", [b"1]", b"{},]", b"{}{}]", b'{"a":}]', b"[]]", b",{}]", b'{"a":1},"x"]'])
def test_what_is_no_list_of_objects(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        items().run(bytearray(data), [], True)


def test_the_end_in_the_middle() -> None:
    for data in (b"", b'{"a":', b'{"a":1}', b'{"a":1},'):
        assert not items().run(bytearray(data), [], False)
        with pytest.raises(ValueError, match="middle"):
            items().run(bytearray(data), [], True)


def test_items_full_of_separators_cost_what_they_weigh() -> None:
    """K10: each one may be the end of the item; after some, brackets are counted instead of parsing again."""

    def seconds(inner: int) -> float:
        thing = compact({"metadata": {}, "l": [{"metadata": {}}] * inner})
        began, buffer, looked = time.process_time(), bytearray(), items()
        for piece in (thing, b",", thing, b",", thing, b"]"):
            for at in range(0, len(piece), 4096):
                buffer += piece[at : at + 4096]
                looked.run(buffer, [], False)
        return time.process_time() - began

    small, large = min(seconds(2_000) for _ in range(3)), min(seconds(40_000) for _ in range(2))
    assert large < 20 * small * 8 + 0.5
