"""Whose a row is: one rule for sessions, requests and events, in lists and one by one (I8). Pure.

A person sees all that is theirs, also what was done for them. Who acts for somebody sees what it did itself for them,
and nothing else: neither what the person did nor what others did for the person. That is told by the whole chain,
for an agent behind another one is not that other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Table, func

from twisted_hoop.model import Principal
from twisted_hoop.store.codec import dumps, principal_data


def owns(viewer: Principal, key: str, principal: Mapping[str, Any]) -> bool:
    """Whether what a principal did (its key, and it as `principal_data` writes it) is the viewer's to see and end."""
    return viewer.key == key and (not viewer.chain or principal_data(viewer)["chain"] == principal["chain"])


def owned(table: Table, viewer: Principal) -> ColumnElement[bool]:
    """The SQL of `owns`, for a table with `principal_key` and `principal_json`."""
    mine: ColumnElement[bool] = table.c.principal_key == viewer.key
    if not viewer.chain:
        return mine
    beginning = chain_json(viewer)
    return mine & (func.substr(table.c.principal_json, 1, len(beginning)) == beginning)


def parties_of(principal: Mapping[str, Any]) -> tuple[str, ...]:
    """Keys of the principal that `principal_data` wrote, and of everyone who acts for it, as `sessions.parties`."""
    links: list[Mapping[str, Any]] = [principal, *principal["chain"]]
    return tuple(f"{link['issuer']}|{link['subject']}" for link in links)


def chain_json(principal: Principal) -> str:
    """How `principal_json` begins for everybody with this chain, and for nobody else: its keys are in order, the chain
    first. Compared as it stands, for LIKE knows no upper and lower case in SQLite."""
    return dumps({"chain": principal_data(principal)["chain"]})[:-1] + ","


def acted(table: Table, key: str) -> ColumnElement[bool]:
    """The SQL of: the principal of this key (`issuer|subject`) is in the chain, whomever it acts for.

    What is looked for cannot be part of a name: within a JSON text its quotes are escaped.
    """
    issuer, _, subject = key.partition("|")
    link = dumps({"issuer": issuer, "subject": subject})
    return func.replace(table.c.principal_json, link, "") != table.c.principal_json
