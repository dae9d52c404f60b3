"""Facts of a text in few words, and texts made to hurt a parser."""

from __future__ import annotations

from collections.abc import Callable

from twisted_hoop.sql.reader import understand
from twisted_hoop.sql.statements import Statement


def only(text: str) -> Statement:
    """The one statement of a text."""
    known = understand(text)
    assert known.problem == "", f"{text}: {known.why}"
    assert len(known.statements) == 1
    return known.statements[0]


def fact(text: str, attribute: str) -> set[str]:
    """One fact of the one statement of a text."""
    return set(only(text).facts.get(attribute, ()))


def classes(text: str) -> set[str]:
    return fact(text, "class")


def flags(text: str) -> set[str]:
    return fact(text, "flag")


HOSTILE: dict[str, Callable[[int], str]] = {
    "parentheses": lambda n: "select " + "(" * n + "1" + ")" * n,
    "arrays": lambda n: "select " + "array[" * n + "1" + "]" * n,
    "not": lambda n: "select " + "not " * n + "true",
    "minus": lambda n: "select " + "- " * n + "a",
    "one long operator": lambda n: "select 1 " + "+" * n + " 1",
    "plus": lambda n: "select 1" + "+1" * n,
    "concat": lambda n: "select a" + "||b" * n,
    "and": lambda n: "select 1 where a" + " and b" * n,
    "and or": lambda n: "select 1 where a" + " and b or c" * n,
    "and with parentheses": lambda n: "select 1 where " + "(a and " * n + "b" + ")" * n,
    "union": lambda n: "select 1,1" + " union select 1,1" * n,
    "case": lambda n: "select " + "case when a then " * n + "1" + " end" * n,
    "flat case": lambda n: "select case" + " when a then 1" * n + " end",
    "case in a sum": lambda n: "select 0" + "+case when a then b end" * n,
    "end as a label": lambda n: "select 0" + "+(select 1 as end)" * n,
    "cast": lambda n: "select a" + "::int" * n,
    "collate": lambda n: "select a" + " collate x" * n,
    "is null": lambda n: "select a" + " is null" * n,
    "join": lambda n: "select 1 from a" + " join b on x=y" * n,
    "cross join": lambda n: "select 1 from a" + " cross join b" * n,
    "joins with commas": lambda n: "select 1 from a" + " join b on f(x,y)" * n,
    "derived": lambda n: "select 1 from " + "(select 1 from " * n + "a" + ") x" * n,
    "sublinks": lambda n: "select " + "(select " * n + "1" + ")" * n,
    "with": lambda n: "with a as (" * n + "select 1" + ") select 1" * n,
    "flat with": lambda n: "with a as (select 1)" + ",a as (select 1)" * n + " select 1",
    "calls": lambda n: "select " + "f(" * n + "1" + ")" * n,
    "fields": lambda n: "select (a)" + ".b" * n,
    "subscripts": lambda n: "select a" + "[1]" * n,
    "time zones": lambda n: "select a" + " at time zone b" * n,
    "values": lambda n: "insert into t values (1,'abc',null)" + ",(1,'abc',null)" * n,
    "values with casts": lambda n: "insert into t values (1::int)" + ",(1::int)" * n,
    "in": lambda n: "select 1 where a in (1" + ",1" * n + ")",
    "targets": lambda n: "select 1" + ",1" * n,
    "statements": lambda n: "select 1;" * n,
    "semicolons": lambda n: ";" * n,
    "comments": lambda n: "/*" * n + "*/" * n + "select 1",
    "open comments": lambda n: "/*" * n,
    "flat comments": lambda n: "/**/" * n + "select 1",
    "explain": lambda n: "explain " * n + "select 1",
    "long string": lambda n: "select '" + "a" * n + "'",
    "escape string": lambda n: "select e'" + "\\'" * n + "'",
    "string pieces": lambda n: "select 'a'" + "\n'b'" * n,
    "open string": lambda n: "select '" + "a''" * n,
    "open dollars": lambda n: "select " + " ".join(f"$a{i}$" for i in range(n)),
    "long identifier": lambda n: "select " + "a" * n,
    "rows": lambda n: "select " + "row(" * n + "1" + ")" * n,
    "function body": lambda n: "create function f() returns int begin atomic " + "select 1;" * n + " end",
    "rule": lambda n: "create rule r as on insert to t do (" + "select 1;" * n + ")",
    "alter table": lambda n: "alter table t add a int" + ",add b int" * n,
    "json": lambda n: "select json_object(" + "'a':1," * n + "'a':1)",
    "exists": lambda n: "select 1 where " + "exists (select 1 where " * n + "true" + ")" * n,
    "unicode": lambda n: "select '" + "\U0001f600" * n + "'",
}
"""Shapes that grow with n: deep, long, or both."""


def largest(shape: Callable[[int], str], characters: int) -> str:
    """The largest text of a shape that is not longer than so many characters."""
    low, high = 1, characters
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(shape(middle)) <= characters else (low, middle - 1)
    return shape(low)
