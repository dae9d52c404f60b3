"""What is hidden in bodies of plain APIs, and what may not go in (M3, M12). Pure: bytes in, bytes out.

    bodies = Bodies(key)                                    # one a target
    bodies.response_filter(masks, response)                 # BodyFilter | None; may raise BodyRefused (502)
    bodies.request_filter(masks, head)                      # BodyFilter | None; refuses (403, 415) from its `feed` on
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted_hoop.http.dialect import BodyFilter
from twisted_hoop.http.messages import Framing, RequestHead, ResponseHead
from twisted_hoop.masking.masker import MaskSet
from twisted_hoop.settings import MaskSection

_REMEMBERED = 64


class Bodies:
    """The masks of one target over bodies. `key` makes hashes, see MaskSet."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._sets: dict[tuple[int, ...], tuple[tuple[MaskSection, ...], MaskSet]] = {}

    def response_filter(self, masks: Sequence[MaskSection], response: ResponseHead) -> BodyFilter | None:
        """What hides values in an answer; None when nothing is to be hidden. Raises BodyRefused."""
        if response.framing is Framing.NONE or not masks:
            return None
        made = self._made(masks)
        return made.stream_masker(made.names)

    def request_filter(self, masks: Sequence[MaskSection], head: RequestHead) -> BodyFilter | None:
        """What looks at a request's body; None when no mask does."""
        return None

    def _made(self, masks: Sequence[MaskSection]) -> MaskSet:
        """The set of exactly these sections; they are kept, so that their identities stay theirs."""
        key = tuple(map(id, masks))
        found = self._sets.get(key)
        if found is None:
            if len(self._sets) >= _REMEMBERED:
                self._sets.clear()
            found = self._sets[key] = (tuple(masks), MaskSet(masks, self._key))
        return found[1]
