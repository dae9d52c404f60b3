"""The files pages are made of besides HTML: held in memory, named by version, cached by browsers for good."""

from __future__ import annotations

import hashlib
from pathlib import Path

from twisted_hoop.web.calls import Call, Reply
from twisted_hoop.web.problems import Problem

FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


class Static:
    """Every file of `static/`, read once. `version` changes with any of them and stands in their addresses."""

    def __init__(self) -> None:
        self._files = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in _TYPES}
        whole = hashlib.sha256(b"".join(self._files.values()))
        self.version = whole.hexdigest()[:12]

    async def file(self, call: Call, visit: object, version: str, name: str) -> Reply:
        """GET /static/{version}/{name}: nothing of it is anybody's, so nobody need be known (R9: names only)."""
        data = self._files.get(name)
        if data is None:
            raise Problem(404, "no such file")
        fresh = version == self.version
        lasts = "public, max-age=31536000, immutable" if fresh else "no-cache"
        return Reply(text=data, media_type=_TYPES[Path(name).suffix], headers={"Cache-Control": lasts})
