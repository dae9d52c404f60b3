"""The gateway itself as pages: targets, rules, "may I?", health. What may be seen by whom, `web.estate` says."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from twisted_hoop.console.forms import form_of
from twisted_hoop.console.pages import Pages
from twisted_hoop.console.place import Place
from twisted_hoop.console.visits import Visit
from twisted_hoop.web.calls import Call, Reply
from twisted_hoop.web.estate import Estate
from twisted_hoop.web.inputs import ExplainBody
from twisted_hoop.web.problems import Problem
from twisted_hoop.web.ways import Ways

_FIELDS = ("target", "command", "subject", "issuer", "groups", "kind", "actors")


class EstatePages:
    """Handlers."""

    def __init__(self, estate: Estate, ways: Ways, pages: Pages, place: Place) -> None:
        self._estate = estate
        self._ways = ways
        self._pages = pages
        self._place = place

    async def targets(self, call: Call, visit: Visit) -> Reply:
        """GET /targets: those that open to the visitor, and how; for who may see it, all that are configured."""
        mine = (await self._ways.targets(call, visit.principal)).content["targets"]
        return self._pages.show("targets.html", visit, mine=mine, all=self._configuration(visit).get("targets"))

    async def rules(self, call: Call, visit: Visit) -> Reply:
        """GET /rules: rules and masks in their order, as loaded."""
        return self._pages.show("rules.html", visit, **self._estate.configuration(visit.principal))

    def _configuration(self, visit: Visit) -> dict[str, Any]:
        return self._estate.configuration(visit.principal) if self._estate.looks(visit.principal) else {}

    async def may_i(self, call: Call, visit: Visit) -> Reply:
        """GET /may-i: an empty form."""
        return self._tester(visit, {}, None, "")

    async def explain(self, call: Call, visit: Visit) -> Reply:
        """POST /may-i: what the rules would say. Nothing is run, filed or recorded."""
        form = form_of(call, visit, self._place.origin)
        try:
            found = self._estate.explain(visit.principal, _question(form))
        except Problem as fault:
            return self._tester(visit, form, None, fault.detail, fault.status)
        return self._tester(visit, form, found, "")

    def _tester(self, visit: Visit, form: dict[str, str], found: Any, why: str, status: int = 200) -> Reply:
        filled = {name: form.get(name, "") for name in _FIELDS}
        names = [target["name"] for target in self._configuration(visit).get("targets", [])]
        return self._pages.show("may_i.html", visit, status, form=filled, names=names, found=found, why=why)

    async def health(self, call: Call, visit: Visit) -> Reply:
        """GET /health: how the parts are."""
        found = await self._estate.health(visit.principal)
        return self._pages.show("health.html", visit, health=found)


def _question(form: dict[str, str]) -> ExplainBody:
    """A Problem for what cannot be asked."""
    about = None
    if form.get("subject") or form.get("groups") or form.get("actors"):
        about = {
            "issuer": form.get("issuer", "").strip(),
            "subject": form.get("subject", "").strip() or "somebody",
            "groups": _words(form.get("groups", "")),
            "kind": form.get("kind") or "human",
            "actors": _words(form.get("actors", "")),
        }
    given = {"target": form.get("target", "").strip(), "command": form.get("command", ""), "principal": about}
    try:
        return ExplainBody.model_validate(given)
    except ValidationError:
        raise Problem(422, "this cannot be asked: a field is too long or holds control characters") from None


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
