"""Legal holds and retention as pages. Who may look and who may change, `web.upkeep` says: as in the API."""

from __future__ import annotations

from pydantic import ValidationError

from twisted_hoop.console.forms import asked, form_of
from twisted_hoop.console.pages import Pages, redirect
from twisted_hoop.console.place import Place
from twisted_hoop.console.visits import Visit
from twisted_hoop.errors import LimitExceeded
from twisted_hoop.web.calls import Call, Model, Reply
from twisted_hoop.web.inputs import HoldBody, LiftHoldBody, RetentionBody
from twisted_hoop.web.problems import Problem
from twisted_hoop.web.upkeep import Upkeep

_FIELDS = ("kind", "value", "reason")


class UpkeepPages:
    """Handlers."""

    def __init__(self, upkeep: Upkeep, pages: Pages, place: Place) -> None:
        self._upkeep = upkeep
        self._pages = pages
        self._place = place

    async def holds(self, call: Call, visit: Visit) -> Reply:
        """GET /holds?lifted=yes&kind=…&value=…: what is held, and for operators a form, filled with what is named."""
        form = {name: asked(call, name, 1000) for name in _FIELDS}
        return await self._holds(visit, form, bool(asked(call, "lifted")))

    async def _holds(self, visit: Visit, form: dict[str, str], lifted: bool, why: str = "", status: int = 200) -> Reply:
        found = await self._upkeep.holds(visit.principal, lifted)
        filled = {name: form.get(name, "") for name in _FIELDS}
        return self._pages.show("holds.html", visit, status, holds=found, form=filled, lifted=lifted, why=why)

    async def hold(self, call: Call, visit: Visit) -> Reply:
        """POST /holds: for operators. What cannot be held stays in the form, with why."""
        form = form_of(call, visit, self._place.origin)
        try:
            await self._upkeep.hold(visit.principal, _body(HoldBody, form, _FIELDS))
        except Problem as fault:
            if fault.status != 422:
                raise
            return await self._holds(visit, form, False, fault.detail, fault.status)
        return redirect("/holds")

    async def lift(self, call: Call, visit: Visit, ident: str) -> Reply:
        """POST /holds/{id}/lift: for operators, with a reason that stays in the list."""
        form = form_of(call, visit, self._place.origin)
        await self._upkeep.lift(visit.principal, ident, _body(LiftHoldBody, form, ("reason",)))
        return redirect("/holds?lifted=yes")

    async def retention(self, call: Call, visit: Visit) -> Reply:
        """GET /retention: the rules and the last runs."""
        return await self._retention(visit)

    async def _retention(self, visit: Visit, why: str = "", status: int = 200) -> Reply:
        found = await self._upkeep.retention(visit.principal)
        return self._pages.show("retention.html", visit, status, why=why, **found)

    async def run(self, call: Call, visit: Visit) -> Reply:
        """POST /retention: for operators; `what` is "look" for a dry run, or "delete", and nothing else.

        What deletes for good must be meant twice: the word in `sure` is typed by hand.
        """
        form = form_of(call, visit, self._place.origin)
        what = form.get("what", "")
        if what not in ("look", "delete"):
            raise Problem(400, "a run looks, or deletes")
        if what == "delete" and form.get("sure", "").strip().lower() != "delete":
            return await self._retention(visit, "to delete, write the word delete beside the button", 422)
        try:
            report = self._upkeep.run(visit.principal, RetentionBody(dry=what == "look"))
        except LimitExceeded as fault:
            return await self._retention(visit, str(fault), 409)
        return redirect(f"/retention/{report['id']}")

    async def report(self, call: Call, visit: Visit, ident: str) -> Reply:
        """GET /retention/{id}: what a run found and did; a page that follows it while it is at work."""
        return await self._report("retention_run.html", visit, ident)

    async def part(self, call: Call, visit: Visit, ident: str) -> Reply:
        """GET /retention/{id}/part: the same as a part of that page."""
        return await self._report("retention_report.html", visit, ident)

    async def _report(self, template: str, visit: Visit, ident: str) -> Reply:
        """A run that has only begun is not in the store yet: its page waits for it."""
        try:
            run = await self._upkeep.report(visit.principal, ident)
        except Problem as fault:
            if fault.status != 404 or not self._upkeep.begun(ident):
                raise
            run = None
        return await self._pages.drawn(template, visit, run=run, ident=ident)


def _body(model: type[Model], form: dict[str, str], names: tuple[str, ...]) -> Model:
    """The form as the API's own body, or a Problem that says which field is wrong."""
    try:
        return model.model_validate({name: form.get(name, "").strip() for name in names})
    except ValidationError as fault:
        wrong = sorted({str(error["loc"][0]) for error in fault.errors() if error["loc"]})
        raise Problem(422, f"missing, too long, or with control characters: {', '.join(wrong)}") from None
