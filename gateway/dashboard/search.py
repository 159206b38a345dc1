"""Serve the search page. A script shows it as a dialog."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import takewhile
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from billing.reports.find_by_id import (
    PART_CHARACTERS_MIN,
    Found,
    Kind,
    SearchResult,
    rows_looked_at,
    search_account,
    search_all,
)
from gateway.dashboard.act_pages import ACT_PAGES, FORM_ACTS
from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Problem, problem_of, read_query
from gateway.html.language import NotSaid, language_of_request
from gateway.html.phrase import counted, phrase
from gateway.html.render import page
from gateway.http.acts import MOUNTED
from gateway.http.body import has_control
from gateway.http.fields import cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.clock import rfc3339
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from keys.act import AnyChange, ChangingAct
from keys.principal import ACCOUNT_SCOPES, ADMIN
from store.database import Transaction

_D: Final = "/dashboard"

_A: Final = "/dashboard/admin"


class FoundLine(NamedTuple):
    """`path` is None if no page shows the object in this environment."""

    word: str
    found: Found
    path: str | None


class Action(NamedTuple):
    """`also` contains more words that find the action."""

    label: str
    path: str
    scope: str = ""
    also: str = ""


WORDS: Final[Mapping[Kind, str]] = {
    "topup": phrase("Top-up"),
    "order": phrase("Order"),
    "subscription": phrase("Subscription"),
    "batch": phrase("Bulk send"),
    "approval": phrase("Approval"),
    "mail": phrase("Mail"),
    "document": phrase("Document"),
    "hold": phrase("Hold"),
    "usage": phrase("Usage"),
    "refund": phrase("Refund"),
    "key": phrase("Key"),
    "endpoint": phrase("Webhook"),
    "delivery": phrase("Delivery"),
    "event": phrase("Event"),
    "replay": phrase("Replay"),
    "transfer": phrase("Transfer"),
    "app": phrase("OAuth app"),
    "account": phrase("Account"),
    "code_batch": phrase("Code batch"),
    "machine_payment": phrase("Machine payment"),
    "request": phrase("Request"),
}


def _event(one: Found) -> str:
    if one.belongs_to:
        return f"{_D}/topups/{one.belongs_to}"
    return f"{_D}/deliveries?created_after={rfc3339(one.at)}&created_before={rfc3339(one.at + 1)}"


def _transfer(one: Found) -> str:
    is_topup = one.belongs_to.startswith("txn_")
    return f"{_D}/topups/{one.belongs_to}" if is_topup else f"{_D}/statement"


_OWN: Final[Mapping[Kind, Callable[[Found], str]]] = {
    "topup": lambda one: f"{_D}/topups/{one.id}",
    "order": lambda one: f"{_D}/orders/{one.id}",
    "subscription": lambda _: f"{_D}/plan",
    "batch": lambda one: f"{_D}/batches/{one.id}",
    "approval": lambda one: f"{_D}/approvals/{one.id}",
    "mail": lambda one: f"{_D}/outbox/{one.id}",
    "document": lambda one: f"{_D}/orders/{one.belongs_to}",
    "hold": lambda _: f"{_D}/usage/holds",
    "usage": lambda _: f"{_D}/usage",
    "refund": lambda one: f"{_D}/orders/{one.belongs_to}",
    "key": lambda one: f"{_D}/keys/{one.id}",
    "endpoint": lambda one: f"{_D}/webhooks/{one.id}",
    "delivery": lambda one: f"{_D}/deliveries/{one.id}",
    "event": _event,
    "replay": lambda one: f"{_D}/replays/{one.id}",
    "transfer": _transfer,
    "app": lambda _: f"{_D}/apps",
    "request": lambda one: f"{_D}/requests/{one.id}",
}
# An object without an operator's page is shown on its account's page.
_OPERATORS: Final[Mapping[Kind, Callable[[Found], str]]] = {
    "topup": lambda one: f"{_A}/topups/{one.id}",
    "order": lambda one: f"{_A}/orders/{one.id}",
    "subscription": lambda one: f"{_A}/subscriptions/{one.id}",
    "document": lambda one: f"{_A}/orders/{one.belongs_to}",
    "refund": lambda one: f"{_A}/refunds/{one.id}",
    "code_batch": lambda one: f"{_A}/codes?batch={one.id}",
    "machine_payment": lambda one: f"{_A}/machine-payments/{one.id}",
}
_OF_TOPUP: Final = frozenset({"approval", "mail", "delivery", "event", "transfer"})
ACTIONS: Final[Sequence[Action]] = (
    Action(phrase("Send a top-up"), f"{_D}/send", "topup:send", "new credit"),
    Action(phrase("Bulk send"), f"{_D}/bulk", "topup:send", "many csv upload"),
    Action(phrase("New key"), f"{_D}/keys/new", "keys:write", "create agent api secret"),
    Action(
        phrase("New webhook"), f"{_D}/webhooks/new", "webhooks:write", "create endpoint register"
    ),
    Action(
        phrase("Decide approvals"), f"{_D}/approvals?status=pending", "topup:read", "approve deny"
    ),
    Action(phrase("Set auto-recharge"), f"{_D}/recharge", "billing:read", "automatic"),
    Action(phrase("Redeem a voucher or code"), f"{_D}/vouchers", "vouchers:read", "coupon atu"),
    Action(phrase("Failed top-ups"), f"{_D}/topups?status=failed", "topup:read", "errors"),
    Action(
        phrase("Failed deliveries"),
        f"{_D}/deliveries?status=failed",
        "webhooks:read",
        "errors replay",
    ),
)


def own_line(one: Found, environment: str) -> FoundLine:
    is_here = one.environment == environment and one.state != "deleted"
    return FoundLine(WORDS[one.kind], one, _OWN[one.kind](one) if is_here else None)


def operators_line(one: Found, environment: str) -> FoundLine:
    if one.kind == "account" or not one.environment:
        return FoundLine(WORDS[one.kind], one, f"{_A}/accounts/{one.id}")
    if one.environment != environment:
        return FoundLine(WORDS[one.kind], one, None)
    made = _OPERATORS.get(one.kind)
    if made is not None:
        return FoundLine(WORDS[one.kind], one, made(one))
    is_of_topup = one.kind in _OF_TOPUP and one.belongs_to.startswith("txn_")
    place = f"topups/{one.belongs_to}" if is_of_topup else f"accounts/{one.account_id}"
    return FoundLine(WORDS[one.kind], one, f"{_A}/{place}")


def actions_for(text: str, scopes: frozenset[str], say: Callable[[str], str]) -> list[Action]:
    """Return the user's actions that contain every word of the text. An empty text finds all of them."""
    words = text.lower().split()
    return [
        action
        for action in ACTIONS
        if (not action.scope or action.scope in scopes)
        and all(
            word in f"{action.label} {say(action.label)} {action.also}".lower() for word in words
        )
    ]


_KINDS: Final[Mapping[str, Kind]] = {
    "topup": "topup",
    "approvals": "approval",
    "batches": "batch",
    "keys": "key",
    "webhooks": "endpoint",
    "deliveries": "delivery",
    "replays": "replay",
    "subscriptions": "subscription",
    "orders": "order",
    "refunds": "refund",
}
_OPERATORS_KINDS: Final[Mapping[str, Kind]] = {
    "accounts": "account",
    "topups": "topup",
    "machine-payments": "machine_payment",
    "orders": "order",
    "refunds": "refund",
}
_LISTS: Final = {"subscriptions": "plan", "topup": "topups"}
_ALSO: Final = {"replay.create": "replay failures failed webhook"}
_FILLERS: Final = frozenset({"a", "all", "an", "my", "of", "the", "to"})
_PREFIX_CHARACTERS_MIN: Final = 3


class Command(NamedTuple):
    """`place` is the ID of the act's form, and `kind` is the kind of its object. If `kind` is None, the
    search offers only the list.
    """

    label: str
    place: str
    verbs: frozenset[str]
    words: frozenset[str]
    scopes: frozenset[str]
    kind: Kind | None
    path: str


class CommandLine(NamedTuple):
    label: str
    title: str
    path: str


class Wanted(NamedTuple):
    """`rest` is the text after the words that name the acts. It names the object."""

    commands: Sequence[Command] = ()
    rest: str = ""


def wanted(
    text: str, scopes: frozenset[str], say: Callable[[str], str], *, is_operator: bool
) -> Wanted:
    words = text.lower().split()
    found = [
        (number, one)
        for one in (_operators() if is_operator else _own())
        if one.scopes <= scopes and (number := _begins(words, one, say(one.label)))
    ]
    longest = max((number for number, _ in found), default=0)
    commands = [one for number, one in found if number == longest]
    return Wanted(commands, " ".join(text.split()[longest:]))


def lines_of(
    asked: Wanted, found: Iterable[Found], environment: str, *, is_operator: bool
) -> list[CommandLine]:
    line_of = operators_line if is_operator else own_line
    lines = [(one, line_of(one, environment).path) for one in found]
    named = [
        CommandLine(command.label, one.title, f"{path}#{command.place}")
        for command in asked.commands
        for one, path in lines
        if one.kind == command.kind and path is not None
    ]
    return named or [CommandLine(one.label, "", one.path) for one in asked.commands]


def _begins(words: Sequence[str], command: Command, said: str) -> int:
    """Return how many of the first words name the act. Return 0 if the first word isn't its verb."""
    own = said.lower().split()
    if not words or not _is_known(words[0], {*command.verbs, *own[:1]}):
        return 0
    known = {*command.words, *own, *_FILLERS}
    return sum(1 for _ in takewhile(lambda word: _is_known(word, known), words))


def _is_known(word: str, known: Iterable[str]) -> bool:
    if word in known:
        return True
    return len(word) >= _PREFIX_CHARACTERS_MIN and any(one.startswith(word) for one in known)


@cache
def _own() -> Sequence[Command]:
    acts = [one for one in MOUNTED.values() if isinstance(one, ChangingAct)]
    return [
        _command(act, act.path, _KINDS.get(_first(act.path)), _D)
        for act in acts
        if _first(act.path) in _KINDS and _is_about_one(act.path) and ADMIN not in act.scopes
    ]


@cache
def _operators() -> Sequence[Command]:
    admin = f"{_D}/admin"
    listed = [
        _command(act, act.path, None, admin)._replace(
            path=pages.address if act in pages.buttons else pages.form_address(act)
        )
        for pages in ACT_PAGES
        for act in pages.acts
    ]
    formed = [
        _command(act, path, _OPERATORS_KINDS.get(_first(path)), admin) for act, path in FORM_ACTS
    ]
    return [one._replace(scopes=frozenset({ADMIN})) for one in (*listed, *formed)]


def _command(act: AnyChange, path: str, kind: Kind | None, base: str) -> Command:
    verbs = f"{act.name.partition('.')[2]} {act.summary.split()[0]} {_ALSO.get(act.name, '')}"
    return Command(
        phrase(act.summary),
        _place(act),
        _words_of(verbs),
        _words_of(f"{act.name} {act.summary} {verbs} {kind or ''}"),
        frozenset(act.scopes),
        kind,
        f"{base}/{_LISTS.get(_first(path), _first(path))}",
    )


def _words_of(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W_]+", text.lower()))


def _first(path: str) -> str:
    return path.split("/")[1]


def _is_about_one(path: str) -> bool:
    return path.partition("{")[0] == f"/{_first(path)}/"


def _place(act: AnyChange) -> str:
    last = act.path.rpartition("/")[2]
    return act.name.partition(".")[2] if "{" in last or "{" not in act.path else last


PATH: Final = "/dashboard/search"
ADMIN_PATH: Final = "/dashboard/admin/search"
TEXT_CHARACTERS_MAX: Final = 320
_Look = Callable[[Transaction, str, str | None], Awaitable[SearchResult]]
# Anyone who has such a secret can use it, so it must not appear in an address.
_SECRET: Final = re.compile(
    r"(?:(?:ak|sat|adm)_(?:staging|live)|sst|oat|mat|mrt|whsec)_[0-9A-Za-z+/]{20,}"
    r"|(?:ATU|TOPUP)-?(?:[0-9A-Z]{4}[- ]?){4,}",
    re.IGNORECASE,
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    tenant, scopes = call.principal.tenant, call.principal.scopes

    async def find(tx: Transaction, text: str, before_id: str | None) -> SearchResult:
        return await search_account(tx, tenant, text, scopes, before_id=before_id)

    return await _found(call, PATH, find)


async def show_all(call: RequestContext[Fields, Fields]) -> Reply:
    environment, scopes = call.principal.environment, call.principal.scopes

    async def find(tx: Transaction, text: str, before_id: str | None) -> SearchResult:
        return await search_all(tx, environment, text, scopes, before_id=before_id)

    return await _found(call, ADMIN_PATH, find)


async def _found(call: RequestContext[Any, Any], path: str, look: _Look) -> Response:
    text, before_id, problem = _read_query(call)
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


def _read_query(call: RequestContext[Any, Any]) -> tuple[str, str | None, Problem]:
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
    """Return whether the text is the address of one of these recipients."""
    return any(one.title.lower().startswith(f"{text.lower()} · ") for one in topups)


ROUTES = (page_route("GET", "/search", show, "Find anything", ACCOUNT_SCOPES),)
ADMIN_ROUTES = (admin_route("GET", "/search", show_all, "Find anything of any account"),)
