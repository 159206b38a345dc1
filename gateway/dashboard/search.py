"""The search page, which the script shows as a dialog."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from starlette.responses import Response

from billing.reports.find_by_id import (
    PART_CHARACTERS_MIN,
    Found,
    SearchResult,
    rows_looked_at,
    search_account,
    search_all,
)
from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.found import actions_for, operators_line, own_line
from gateway.dashboard.palette import CommandLine, Wanted, lines_of, wanted
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Problem, problem_of, read_query
from gateway.html.language import NotSaid, language_of_request
from gateway.html.phrase import counted, phrase
from gateway.html.render import page
from gateway.http.fields import cursor_id, has_control
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from keys.principal import ACCOUNT_SCOPES
from store.database import Transaction

PATH: Final = "/dashboard/search"
ADMIN_PATH: Final = "/dashboard/admin/search"
TEXT_CHARACTERS_MAX: Final = 320
_Look = Callable[[Transaction, str, str | None], Awaitable[SearchResult]]
# Its holder can spend, so it belongs in no address.
_SECRET: Final = re.compile(
    r"(?:(?:ak|sat|adm)_(?:staging|live)|sst|oat|mat|mrt|whsec)_[0-9A-Za-z+/]{20,}"
    r"|(?:ATU|TOPUP)-?(?:[0-9A-Z]{4}[- ]?){4,}",
    re.IGNORECASE,
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    tenant, scopes = call.principal.tenant, call.principal.scopes

    async def look(tx: Transaction, text: str, before_id: str | None) -> SearchResult:
        return await search_account(tx, tenant, text, scopes, before_id=before_id)

    return await _found(call, PATH, look)


async def show_all(call: RequestContext[Fields, Fields]) -> Reply:
    environment, scopes = call.principal.environment, call.principal.scopes

    async def look(tx: Transaction, text: str, before_id: str | None) -> SearchResult:
        return await search_all(tx, environment, text, scopes, before_id=before_id)

    return await _found(call, ADMIN_PATH, look)


async def _found(call: RequestContext[Any, Any], path: str, look: _Look) -> Response:
    text, before_id, problem = _asked(call)
    principal, is_operator = call.principal, path == ADMIN_PATH
    reading = language_of_request(call.scope)

    def say(label: str) -> str:
        try:
            return reading.say(label)
        except NotSaid:
            return ""

    asked, found, objects = Wanted(), SearchResult(), SearchResult()
    if text and not problem.sentence:
        asked = wanted(text, principal.scopes, say, is_operator=is_operator)

        async def work(tx: Transaction) -> tuple[SearchResult, SearchResult]:
            named = await look(tx, asked.rest, None) if asked.rest and asked.commands else objects
            return await look(tx, text, before_id), named

        found, objects = await call.context.database.read(work)
    commands = lines_of(
        asked,
        (*objects.named, *objects.parts.items),
        principal.environment,
        is_operator=is_operator,
    )
    return _page(call, path, text, found, problem, rows_looked_at(before_id), commands)


def _asked(call: RequestContext[Any, Any]) -> tuple[str, str | None, Problem]:
    query = read_query(call)
    text = query.text("q")
    try:
        _check(text)
        return text, cursor_id(query.text("before") or None, "txn"), NO_PROBLEM
    except DomainError as error:
        return "" if _SECRET.search(text) else text, None, problem_of(error)


def _check(text: str) -> None:
    """Raise InvalidInput."""
    if len(text) > TEXT_CHARACTERS_MAX:
        said = counted(
            "write at most %(num)s character",
            "write at most %(num)s characters",
            TEXT_CHARACTERS_MAX,
        )
        raise InvalidInput(said, param="q")
    if has_control(text):
        raise InvalidInput(phrase("write letters, digits and signs only"), param="q")
    if _SECRET.search(text):
        said = phrase(
            "this looks like a secret, and was not searched for: write a voucher's last 4 characters,"
            " or a key's name"
        )
        raise InvalidInput(said, param="q")


def _page(
    call: RequestContext[Any, Any],
    path: str,
    text: str,
    found: SearchResult,
    problem: Problem,
    looked_at: int,
    commands: Sequence[CommandLine],
) -> Response:
    line_of = operators_line if path == ADMIN_PATH else own_line
    environment = call.principal.environment
    return page(
        call,
        "search.html",
        status=problem.status,
        place=path,
        text=text,
        problem=problem,
        named=[line_of(one, environment) for one in found.named],
        parts=[line_of(one, environment) for one in found.parts.items],
        older_than=found.parts.older_than,
        looked_back_to=found.parts.looked_back_to,
        looked_at=looked_at,
        is_recipient=path == PATH and _is_recipient(text, found.parts.items),
        characters_min=PART_CHARACTERS_MIN,
        commands=commands,
        actions=actions_for(text, call.principal.scopes, language_of_request(call.scope).say),
        words=text.lower().split(),
    )


def _is_recipient(text: str, topups: Sequence[Found]) -> bool:
    """Return whether it is the whole address of one of these."""
    return any(one.title.lower().startswith(f"{text.lower()} · ") for one in topups)


ROUTES = (page_route("GET", "/search", show, "Find anything", ACCOUNT_SCOPES),)
ADMIN_ROUTES = (admin_route("GET", "/search", show_all, "Find anything of any account"),)
