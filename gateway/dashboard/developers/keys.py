"""List, create and change API keys."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from billing.credits.sandbox_acts import CLOCK
from billing.reports.key_spend import KEY_SORTS, keys_below, keys_page
from gateway.dashboard.act import press
from gateway.dashboard.developers.key_form import (
    PRESET_WORDS,
    body_of_changes,
    body_of_new,
    form_of_key,
    key_fields,
    preset_form,
)
from gateway.dashboard.listing import ROWS, Paged, sorting_of
from gateway.dashboard.own_lists import OwnList, Way
from gateway.dashboard.refused import is_safe_way
from gateway.dashboard.route import page_route
from gateway.dashboard.spend import last_days, spend_of
from gateway.html.act_form import STEP_FIELD, problem_before
from gateway.html.forms import (
    IDEMPOTENCY_FIELD,
    NO_PROBLEM,
    Form,
    Problem,
    Typed,
    form_again,
    problem_of,
    read_form,
    read_query,
)
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.own_acts import read_own, run_own
from gateway.http.password_again import PasswordRequired, confirm
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from kernel.ids import new_id
from keys.api_keys.acts import (
    CHANGE_KEY,
    CREATE_KEY,
    LIST_KEYS,
    PAUSE_KEY,
    RESUME_KEY,
    REVOKE_KEY,
    ROTATE_KEY,
    SHOW_KEY,
)
from keys.api_keys.inputs import KeyChanges, NewKey
from keys.api_keys.lookup import old_secret_until
from keys.principal import ACCOUNT_SCOPES, DEFAULT_SCOPES, MCP_SCOPES

PATH = "/dashboard/keys"
_SCOPES = ("keys:write",)
_OVERLAPS = (
    ("3600", phrase("In an hour")),
    ("86400", phrase("In a day")),
    ("604800", phrase("In a week")),
    ("0", phrase("At once")),
)
_A_DAY_S: Final = 86_400
_BELOW_MAX: Final = 101


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    tenant, start = call.principal.tenant, _start(read_query(call).text("from"))
    sorting = sorting_of(call, KEY_SORTS, {}, newest_max=0)
    seen = await call.context.database.read(
        lambda tx: keys_page(
            tx, tenant, start=start, rows=ROWS, now_us=call.now_us, sort=sorting.chosen
        )
    )
    return page(call, "keys.html", seen=seen, start=start, sorting=sorting)


async def show_new(call: RequestContext[Fields, Fields]) -> Reply:
    fields = preset_form(read_query(call).text("preset"))
    return _new_page(call, Form({**fields, IDEMPOTENCY_FIELD: [new_id("frm")]}))


async def show_first(call: RequestContext[Fields, Fields]) -> Reply:
    if call.principal.environment != "staging":
        return go(f"{PATH}/new")
    return page(call, "key_first.html", scopes=DEFAULT_SCOPES, form_key=new_id("frm"))


async def mint(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    typed = Typed(form)
    body = body_of_new(typed, now_us=call.now_us)
    if form.text(STEP_FIELD):
        return _new_page(call, form, problem_before(NewKey, body, typed.wrong, form))
    try:
        if form.raw("password"):
            await confirm(call, form.raw("password"))
        made = await run_own(call, CREATE_KEY, body, key=form.idempotency_key, wrong=typed.wrong)
    except DomainError as error:
        return _new_page(call, form_again(form, error), problem_of(error))
    return _made_page(call, made, "minted")


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _key_page(call)


async def change(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    typed = Typed(form)
    try:
        body = body_of_changes(typed, await read_own(call, SHOW_KEY), now_us=call.now_us)
        if form.text(STEP_FIELD):
            problem = problem_before(KeyChanges, body, typed.wrong, form)
            return await _key_page(call, form, problem)
        await run_own(call, CHANGE_KEY, body, wrong=typed.wrong)
    except PasswordRequired:
        raise
    except DomainError as error:
        return await _key_page(call, form, problem_of(error))
    return go(_page_of(call), said="key-saved")


async def rotate(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    overlap_s = form.integer("overlap_s")
    try:
        if overlap_s == 0:
            await _check_name(call, form, "rotate_name")
        body = {"overlap_s": _A_DAY_S if overlap_s is None else overlap_s}
        made = await run_own(call, ROTATE_KEY, body, key=form.idempotency_key)
    except InvalidInput as error:
        return await _key_page(call, problem=problem_of(error))
    until = await _old_secret_until(call, made["id"])
    return _made_page(call, made, "rotated", until)


def _made_page(
    call: RequestContext[Any, Any], key: Any, done: str, old_secret_until: int | None = None
) -> Response:
    values = {"key": key, "done": done, "old_secret_until": old_secret_until}
    return page(call, "key_made.html", address=call.home, **values)


async def pause(call: RequestContext[Fields, Fields]) -> Reply:
    undo = f"{_page_of(call)}/resume"
    return await press(call, PAUSE_KEY, then=_pressed_on(call), said="key-paused", undo=undo)


async def resume(call: RequestContext[Fields, Fields]) -> Reply:
    undo = f"{_page_of(call)}/pause"
    return await press(call, RESUME_KEY, then=_pressed_on(call), said="key-resumed", undo=undo)


async def revoke(call: RequestContext[Fields, Fields]) -> Reply:
    try:
        await _check_name(call, read_form(call), "revoke_name")
    except InvalidInput as error:
        return await _key_page(call, problem=problem_of(error))
    return await press(call, REVOKE_KEY, then=PATH, said="key-revoked")


async def _check_name(call: RequestContext[Any, Any], form: Form, field: str) -> None:
    if call.principal.environment != "live":
        return
    key = await read_own(call, SHOW_KEY)
    if form.text(field) != key["name"].strip():
        raise InvalidInput(phrase("type the key's name exactly as it stands above"), param=field)


def _page_of(call: RequestContext[Any, Any]) -> str:
    return f"{PATH}/{call.params['key_id']}"


def _pressed_on(call: RequestContext[Any, Any]) -> str:
    way = read_form(call).text("back")
    return way if way.startswith(PATH) and is_safe_way(way) else _page_of(call)


def _start(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0


def _platforms(call: RequestContext[Any, Any]) -> list[str]:
    return sorted(call.context.topup_rules.platforms.of(call.principal.environment).ids())


def _new_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    scopes = [one for one in ACCOUNT_SCOPES if one in call.principal.scopes]
    return page(
        call,
        "key_new.html",
        status=problem.status,
        form=form,
        fields=key_fields(NewKey, form, problem, scopes=scopes, platforms=_platforms(call)),
        presets=PRESET_WORDS,
        problem=problem,
    )


async def _old_secret_until(call: RequestContext[Any, Any], key_id: str) -> int | None:
    tenant = call.principal.tenant
    return await call.context.database.read(
        lambda tx: old_secret_until(tx, tenant, key_id, now_us=call.now_us)
    )


async def _key_page(
    call: RequestContext[Any, Any], form: Form | None = None, problem: Problem = NO_PROBLEM
) -> Response:
    key = await read_own(call, SHOW_KEY)
    scopes = MCP_SCOPES if key["client_id"] else ACCOUNT_SCOPES
    filled = form_of_key(key) if form is None else form
    tenant = call.principal.tenant
    seen = await call.context.database.read(
        lambda tx: keys_below(tx, tenant, key["id"], rows=_BELOW_MAX, now_us=call.now_us)
    )
    wanted = last_days(call.now_us, key_id=key["id"])
    return page(
        call,
        "key.html",
        status=problem.status,
        key=key,
        own_now=await _own_now(call),
        old_secret_until=await _old_secret_until(call, key["id"]),
        seen=seen,
        spend=await spend_of(call.context.database, tenant, wanted),
        fields=key_fields(KeyChanges, filled, problem, scopes=scopes, platforms=_platforms(call)),
        problem=problem,
        overlaps=_OVERLAPS,
        overlap_s=str(_A_DAY_S),
        form_key=new_id("frm"),
    )


async def _own_now(call: RequestContext[Any, Any]) -> str:
    return str((await read_own(call, CLOCK))["now"])


async def _more(call: RequestContext[Any, Any], _listed: Paged) -> Mapping[str, Any]:
    return {"own_now": await _own_now(call)}


_EVERY_KEY: Final = OwnList(
    path="/keys/all",
    title=phrase("All keys"),
    above=Way("keys:write", PATH, phrase("Agent API keys")),
    lead=phrase(
        "All keys ever created in %(environment)s, including revoked keys, the newest first."
    ),
    listed=LIST_KEYS,
    empty=phrase("No keys in %(environment)s yet"),
    advice=phrase("A key lets a program send top-ups in your name, within its caps."),
    columns="name lead, prefix, caps rest, created_at off, last_used_at:used, status tail",
    leads="",
    ways=(Way("keys:write", f"{PATH}/new", phrase("Create the first key")),),
    template="keys_all.html",
    more=_more,
)
ROUTES = (
    page_route("GET", "/keys", show_list, "Keys", _SCOPES),
    page_route("POST", "/keys", mint, "Create a key", _SCOPES),
    _EVERY_KEY.route(),
    page_route("GET", "/keys/new", show_new, "The form of a new key", _SCOPES),
    page_route("GET", "/keys/first", show_first, "The form of a first key", _SCOPES),
    page_route("GET", "/keys/{key_id}", show, "One key", _SCOPES),
    page_route("POST", "/keys/{key_id}", change, "Change a key", _SCOPES),
    page_route("POST", "/keys/{key_id}/rotate", rotate, "Rotate a key", _SCOPES),
    page_route("POST", "/keys/{key_id}/pause", pause, "Pause a key", _SCOPES),
    page_route("POST", "/keys/{key_id}/resume", resume, "Resume a key", _SCOPES),
    page_route("POST", "/keys/{key_id}/revoke", revoke, "Revoke a key", _SCOPES),
)
