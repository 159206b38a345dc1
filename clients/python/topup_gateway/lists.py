"""What the generated calls are built on: a group of calls, and lists that are read page by page."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Generic, Protocol, TypeVar
from urllib.parse import quote

from .answers import Answer, Page
from .retries import Call

T = TypeVar("T")


class Runner(Protocol):
    """Makes calls."""

    def run(self, call: Call[T]) -> T: ...


class AsyncRunner(Protocol):
    """Makes calls that are awaited."""

    async def run(self, call: Call[T]) -> T: ...


class Group:
    """Calls about one subject."""

    def __init__(self, client: Runner) -> None:
        self._client = client


class AsyncGroup:
    """Calls about one subject, awaited."""

    def __init__(self, client: AsyncRunner) -> None:
        self._client = client


class List(Generic[T]):
    """A list: iterate over it for every item of every page, or call page() for one page."""

    def __init__(self, client: Runner, call: Call[Answer[Page[T]]]) -> None:
        self._client = client
        self._call = call

    def page(self) -> Page[T]:
        """Return the first page, or the one after the `cursor` that was given."""
        return self._client.run(self._call).data

    def __iter__(self) -> Iterator[T]:
        call = self._call
        while True:
            page = self._client.run(call).data
            yield from page.items
            if page.next_cursor is None:
                return
            call = _after(call, page.next_cursor)


class AsyncList(Generic[T]):
    """The same as List, for `async for` and `await`."""

    def __init__(self, client: AsyncRunner, call: Call[Answer[Page[T]]]) -> None:
        self._client = client
        self._call = call

    async def page(self) -> Page[T]:
        """Return the first page, or the one after the `cursor` that was given."""
        return (await self._client.run(self._call)).data

    async def __aiter__(self) -> AsyncIterator[T]:
        call = self._call
        while True:
            page = (await self._client.run(call)).data
            for item in page.items:
                yield item
            if page.next_cursor is None:
                return
            call = _after(call, page.next_cursor)


def in_path(part: str) -> str:
    """Return the text as one part of a path. An empty one would name the whole list."""
    if part in ("", ".", ".."):
        raise ValueError(f"{part!r} is no ID.")
    return quote(part, safe="")


def _after(call: Call[T], cursor: str) -> Call[T]:
    return replace(call, query={**call.query, "cursor": cursor})
