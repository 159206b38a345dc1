"""A list's page: the filters of its address, the API's page of items, and the way to the next one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_query
from gateway.http.request_context import RequestContext
from gateway.internal_client import ask
from kernel.errors import DomainError

ROWS: int = 50
_DAYS = ("created_after", "created_before", "dated_after", "dated_before")


@dataclass(frozen=True, slots=True)
class ListView:
    """What the template shows. next_url and first_url are null where there is no such page."""

    items: Sequence[Mapping[str, Any]] = ()
    filters: Form = field(default_factory=Form)
    problem: Problem = NO_PROBLEM
    is_filtered: bool = False
    next_url: str | None = None
    first_url: str | None = None


async def listing(
    call: RequestContext[Any, Any], path: str, *filters: str, rows: int = ROWS, **fixed: Any
) -> ListView:
    """The API's list at that path. A filter that it refuses is told, and nothing listed."""
    asked = read_query(call)
    wanted = {name: text for name in filters if (text := asked.text(name))}
    cursor = asked.text("cursor")
    query = {**wanted, **fixed, "cursor": cursor, "limit": rows}
    for name in _DAYS:
        # A browser's date field has a day; the API wants a moment.
        if len(str(query.get(name, ""))) == len("2026-06-13"):
            query[name] += "T00:00:00Z"
    is_filtered = bool(wanted)
    try:
        data = (await ask(call, "GET", path, query=query)).data
    except DomainError as error:
        return ListView((), asked, problem_of(error), is_filtered)
    here = call.path
    following = data["next_cursor"] if data["has_more"] else None
    return ListView(
        data["items"],
        asked,
        NO_PROBLEM,
        is_filtered,
        None if following is None else f"{here}?{urlencode({**wanted, 'cursor': following})}",
        f"{here}?{urlencode(wanted)}" if cursor else None,
    )
