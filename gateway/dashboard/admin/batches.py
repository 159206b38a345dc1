"""Batches of redemption codes: made here and shown this once, listed by their last characters.

The codes leave with the page that tells of their batch and are kept nowhere, so a form that is sent
twice makes one batch, and its second answer has no codes.
"""

import base64
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from billing.credits import code_batch as batches
from billing.credits.code_batch import Batch, ListedCode, NewBatch
from gateway.answers.answer import Answer
from gateway.dashboard.admin.fields import admin_route, day_us, number
from gateway.dashboard.form_idempotency import form_key
from gateway.dashboard.sheet import Sheet, list_page
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.render import go, page
from gateway.http.fields import cursor_id
from gateway.http.idempotency import run_steps
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.fields import Fields
from kernel.ids import new_id
from keys.audit_log import Actor
from keys.principal import Environment
from store.database import Transaction
from store.idempotency import KeyReused

PATH: Final = "/dashboard/admin/codes"
# As the command line shows it: by its last four characters.
_SeenCode = Mapping[str, Any]
_CODES: Final = Sheet[_SeenCode](
    "codes",
    ("id", "batch_id", "code", "status", "credits", "uses", "used", "expires_at", "created_at"),
    cursor=itemgetter("id"),
)
_BATCHES: Final = Sheet[Batch](
    "code-batches",
    (
        *("id", "name", "credits_micros", "code_count", "uses_max", "used_count", "is_promotional"),
        *("promotional_days", "is_complete", "expires_at", "disabled_at", "created_at"),
    ),
)
# What a page can hold; the command line makes more.
CODES_MAX: Final = 10_000
_MADE_BEFORE: Final = Problem(
    409, "This form created a batch already, of something else. Press the button to create another."
)


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    """Newest first, and a form for another."""
    return await _list_page(call, Form({"count": ["10"], "uses": ["1"]}))


async def create(call: RequestContext[Fields, Fields]) -> Reply:
    """Makes the codes and shows them."""
    form, context = read_form(call), call.context
    made: list[str] = []

    async def steps() -> Answer:
        batch = await batches.make(
            context.database,
            context.redemption_codes,
            new,
            keep=made.extend,
            by=Actor.of(call.principal),
            now_us=call.now_us,
        )
        return Answer(200, batch.id.encode())

    try:
        new = _new(call, form)
        answer = await run_steps(context, call.principal, form_key(call, form), steps)
    except KeyReused:
        return await _list_page(call, form, _MADE_BEFORE)
    except DomainError as error:
        return await _list_page(call, form, problem_of(error))
    batch_id = answer.body.decode()
    if answer.is_replay:
        return go(f"{PATH}/{batch_id}", said="batch-shown")
    batch = await context.database.read(lambda tx: _own(tx, call.principal.environment, batch_id))
    return page(call, "admin/batch_made.html", batch=batch, codes=made, download=_csv(made))


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """One batch and its codes, by their last four characters."""
    environment, batch_id = call.principal.environment, call.params["batch_id"]

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[_SeenCode]:
        before_id = cursor_id(cursor, "rdc")
        found = await batches.list_codes(
            tx, environment, batch_id=batch_id, before_id=before_id, limit=limit
        )
        return [one.shape(call.now_us) for one in found]

    batch = await call.context.database.read(lambda tx: _own(tx, environment, batch_id))
    return await list_page(call, "admin/batch.html", _CODES, read, batch=batch)


async def disable(call: RequestContext[Fields, Fields]) -> Reply:
    """No code of the batch can be redeemed from now on."""
    read_form(call)
    environment, batch_id = call.principal.environment, call.params["batch_id"]

    async def work(tx: Transaction) -> None:
        await _own(tx, environment, batch_id)
        await batches.disable_batch(tx, batch_id, by=Actor.of(call.principal), now_us=call.now_us)

    await call.context.database.transaction(work)
    return go(f"{PATH}/{batch_id}", said="batch-disabled")


async def disable_code(call: RequestContext[Fields, Fields]) -> Reply:
    """One code of it."""
    read_form(call)
    environment, code_id = call.principal.environment, call.params["code_id"]

    async def work(tx: Transaction) -> ListedCode:
        code = await batches.disable_code(
            tx, code_id, by=Actor.of(call.principal), now_us=call.now_us
        )
        if code.environment != environment or code.batch_id != call.params["batch_id"]:
            raise NotFound("Code")
        return code

    code = await call.context.database.transaction(work)
    return go(f"{PATH}/{code.batch_id}", said="code-disabled")


def _new(call: RequestContext[Any, Any], form: Form) -> NewBatch:
    """What was typed; raises InvalidInput."""
    count = number(form, "count")
    if count > CODES_MAX:
        raise InvalidInput(
            f"at most {CODES_MAX:,} here; `topup codes create` makes more", param="count"
        )
    new = NewBatch(
        environment=call.principal.environment,
        credits=number(form, "credits"),
        count=count,
        uses_max=number(form, "uses", 1),
        is_promotional=form.text("promotional") == "yes",
        promotional_days=form.integer("days"),
        expires_at=day_us(form, "expires_at"),
        name=form.text("name"),
    )
    new.check(call.now_us)
    return new


async def _own(tx: Transaction, environment: Environment, batch_id: str) -> Batch:
    """Raises NotFound, also for a batch of the other environment."""
    batch = await batches.get_batch(tx, batch_id)
    if batch.environment != environment:
        raise NotFound("Batch")
    return batch


def _csv(codes: list[str]) -> str:
    """A link that holds the file: the codes are in no other place that it could come from."""
    text = "".join(f"{line}\r\n" for line in ("code", *codes))
    return f"data:text/csv;base64,{base64.b64encode(text.encode()).decode()}"


async def _list_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Reply:
    environment = call.principal.environment

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[Batch]:
        before_id = cursor_id(cursor, "rdb")
        return await batches.list_batches(tx, environment, before_id=before_id, limit=limit)

    return await list_page(
        call,
        "admin/batches.html",
        _BATCHES,
        read,
        status=problem.status,
        form=form,
        problem=problem,
        form_key=new_id("frm"),
    )


ROUTES = (
    admin_route("GET", "/codes", show_list, "Batches of redemption codes"),
    admin_route("POST", "/codes", create, "Make redemption codes"),
    admin_route("GET", "/codes/{batch_id}", show, "One batch"),
    admin_route("POST", "/codes/{batch_id}/disable", disable, "Disable a batch"),
    admin_route("POST", "/codes/{batch_id}/{code_id}/disable", disable_code, "Disable a code"),
)
