"""SQLAlchemy through the gateway with both of its drivers: reflection, ORM writes, bulk inserts, streaming."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from tests.integration.conftest import LOGIN, PASSWORD, House

REFLECTED = ("customers", "orders", "api_keys", "events")


class Base(DeclarativeBase):
    """The tables of these tests."""


class Author(Base):
    __tablename__ = "alchemy_authors"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    books: Mapped[list[Book]] = relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "alchemy_books"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("alchemy_authors.id"))
    author: Mapped[Author] = relationship(back_populates="books")


def reflected(bind: sa.Engine | sa.Connection) -> Any:
    metadata = sa.MetaData()
    metadata.reflect(bind, only=REFLECTED)
    inspector = sa.inspect(bind)
    return (
        {t.name: [(c.name, str(c.type), c.nullable, c.primary_key) for c in t.columns] for t in metadata.sorted_tables},
        {name: inspector.get_foreign_keys(name) for name in REFLECTED},
        {name: inspector.get_indexes(name) for name in REFLECTED},
        sorted(inspector.get_view_names()),
    )


@pytest.fixture(scope="module")
def directly(house: House) -> Any:
    server = house.server
    url = f"postgresql+psycopg://{LOGIN}:{PASSWORD}@{server.host}:{server.port}/{house.database}"
    engine = sa.create_engine(url)
    try:
        yield reflected(engine)
    finally:
        engine.dispose()


@pytest.mark.parametrize("who", ["bob", "ci"])
def test_psycopg_dialect_reflects_the_same(house: House, directly: Any, who: str) -> None:
    engine = sa.create_engine(house.gateway.url_of("shop", who, "postgresql+psycopg"))
    try:
        assert reflected(engine) == directly
    finally:
        engine.dispose()


@pytest.mark.parametrize("who", ["bob", "ci"])
def test_asyncpg_dialect_reflects_the_same(house: House, directly: Any, who: str) -> None:
    async def work() -> Any:
        url = house.gateway.url_of("shop", who, "postgresql+asyncpg")
        engine = create_async_engine(url, connect_args={"ssl": False})
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(reflected)
        finally:
            await engine.dispose()

    assert asyncio.run(work()) == directly


def test_the_orm_writes_and_reads(house: House) -> None:
    engine = sa.create_engine(house.gateway.url_of("shop", "ci", "postgresql+psycopg"))
    try:
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add_all(Author(name=f"a{n}", books=[Book(title=f"b{n}.{m}") for m in range(3)]) for n in range(40))
            session.commit()
            found = session.scalars(sa.select(Author).order_by(Author.id)).unique().all()
            assert [len(author.books) for author in found] == [3] * 40
            found[0].name = "changed"
            session.delete(found[1])
            session.commit()
            assert session.scalar(sa.select(sa.func.count()).select_from(Book)) == 117
        with engine.connect().execution_options(stream_results=True, max_row_buffer=10) as connection:
            rows = connection.execute(sa.text("select id from orders order by id"))
            assert [row.id for row in rows] == list(range(1, 401))
        Base.metadata.drop_all(engine)
    finally:
        engine.dispose()


def test_a_refusal_rolls_back_and_the_pool_goes_on(house: House) -> None:
    engine = sa.create_engine(house.gateway.url_of("shop", "ci", "postgresql+psycopg"), pool_size=1, max_overflow=0)
    try:
        with pytest.raises(sa.exc.ProgrammingError, match="tables are not emptied here"), engine.begin() as connection:
            connection.execute(sa.text("create table alchemy_gone (id int)"))
            connection.execute(sa.text("truncate orders"))
        with engine.connect() as connection:
            assert connection.scalar(sa.text("select to_regclass('alchemy_gone')")) is None
    finally:
        engine.dispose()


def test_streamed_results_are_masked_page_by_page(house: House) -> None:
    """M1: a portal that is executed again and again keeps its masks."""

    async def work() -> list[str]:
        url = house.gateway.url_of("shop", "ci", "postgresql+asyncpg")
        engine = create_async_engine(url, connect_args={"ssl": False})
        try:
            async with engine.connect() as connection:
                rows = await connection.stream(sa.text("select card_number from customers"))
                return [row.card_number async for row in rows]
        finally:
            await engine.dispose()

    found = asyncio.run(work())
    assert len(found) == 50
    assert all(value.startswith("*****") for value in found)
