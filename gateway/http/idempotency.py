"""Store a request's effect and its response in one transaction.

A request repeated with its Idempotency-Key has no further effect and returns the same response. This holds in any
process and after restarts. Errors aren't stored.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from gateway.answers.answer import Answer
from gateway.http.request_context import RequestContext
from kernel.clock import SECOND_US
from kernel.tenant import Tenant
from keys.account import lock_tenants
from keys.principal import Principal
from runtime.context import Context
from store.database import Transaction
from store.errors import StoreError
from store.idempotency import (
    KeyInProgress,
    RequestKey,
    abandon,
    begin,
    check,
    check_text,
    complete,
    extend,
    find,
    save,
    save_text,
)

R = TypeVar("R")

SEAL_PURPOSE = "idempotency"
WAIT_S = 5.0
WAIT_STEP_S = 0.05
LEASE_S = 60
EXTEND_S_MIN = 1.0
LEASE_TOKEN_BYTES = 16

logger = logging.getLogger(__name__)


async def run_once(
    call: RequestContext[Any, Any],
    work: Callable[[Transaction], Awaitable[R]],
    render: Callable[[R], Answer],
    *,
    sealed: bool = False,
    also_lock: Callable[[Transaction], Awaitable[Sequence[Tenant]]] | None = None,
) -> Answer:
    """Run work under the account's lock, or return the response stored for the key.

    Raise KeyReused or KeyInProgress if the key can't be used now. If an error is raised, nothing is
    written.
    """
    context, principal, request_key = call.context, call.principal, call.request_key

    async def once(tx: Transaction) -> Answer:
        others = () if also_lock is None else await also_lock(tx)
        await lock_tenants(tx, [principal.tenant, *others])
        now_us = context.clock.now_us()
        if request_key is None:
            return render(await work(tx))
        found = await find(tx, [request_key])
        stored = check(found.get(request_key.place), request_key, now_us)
        if stored is not None:
            return stored
        if not sealed:
            answer = render(await work(tx))
            await save(tx, [(request_key, answer)], now_us=now_us)
            return answer
        await check_text(tx, request_key)
        answer = render(await work(tx))
        await save(tx, [(request_key, _sealed(context, request_key, answer))], now_us=now_us)
        await save_text(tx, request_key)
        return answer

    answer = await context.database.transaction(once)
    return _opened(context, request_key, answer)


async def stored_answer(context: Context, request_key: RequestKey | None) -> Answer | None:
    """Return the stored response, if any. Call this before slow checks."""
    if request_key is None:
        return None
    found = await context.database.read(lambda tx: find(tx, [request_key]))
    stored = check(found.get(request_key.place), request_key, context.clock.now_us())
    return None if stored is None else _opened(context, request_key, stored)


async def run_steps(
    context: Context,
    principal: Principal,
    request_key: RequestKey | None,
    steps: Callable[[], Awaitable[Answer]],
    *,
    lease_s: int = LEASE_S,
    token: str | None = None,
    sealed: bool = False,
) -> Answer:
    """Run a request that works outside the database between transactions, such as a webhook test.

    First, a row with a lease is written. Another request with the same key waits up to WAIT_S. If the lease
    expires, that request takes over, and both return its response. If a step fails, the row is removed.
    """
    if request_key is None:
        return await steps()
    token = token or secrets.token_hex(LEASE_TOKEN_BYTES)
    stored = await _begin(context, principal, request_key, lease_s, token, sealed=sealed)
    if stored is not None:
        return _opened(context, request_key, stored)
    extending = asyncio.create_task(_extend(context, principal, request_key, lease_s, token))
    try:
        answer = await steps()
    except BaseException:
        await context.database.transaction(lambda tx: abandon(tx, request_key, token=token))
        raise
    finally:
        extending.cancel()
        await asyncio.gather(extending, return_exceptions=True)

    async def finish(tx: Transaction) -> Answer:
        await lock_tenants(tx, [principal.tenant])
        now_us = context.clock.now_us()
        kept = _sealed(context, request_key, answer) if sealed else answer
        if not await complete(tx, request_key, kept, token=token, now_us=now_us):
            found = await find(tx, [request_key])
            theirs = check(found.get(request_key.place), request_key, now_us)
            if theirs is not None:
                return theirs
            await save(tx, [(request_key, kept)], now_us=now_us)
            if sealed:
                await save_text(tx, request_key)
        return answer

    return _opened(context, request_key, await context.database.transaction(finish))


async def _extend(
    context: Context, principal: Principal, key: RequestKey, lease_s: int, token: str
) -> None:
    async def work(tx: Transaction) -> bool:
        await lock_tenants(tx, [principal.tenant])
        until = context.clock.now_us() + lease_s * SECOND_US
        return await extend(tx, key, token=token, lease_until_at=until)

    is_ours = True
    while is_ours:
        await asyncio.sleep(max(EXTEND_S_MIN, lease_s / 3))
        try:
            is_ours = await context.database.transaction(work)
        except StoreError as error:
            logger.warning("lease.not_extended", extra={"error": str(error)})


async def _begin(
    context: Context,
    principal: Principal,
    key: RequestKey,
    lease_s: int,
    token: str,
    *,
    sealed: bool,
) -> Answer | None:
    async def fetch(tx: Transaction) -> Answer | None:
        await lock_tenants(tx, [principal.tenant])
        now_us = context.clock.now_us()
        found = await find(tx, [key])
        stored = check(found.get(key.place), key, now_us)
        if stored is None:
            if sealed:
                await check_text(tx, key)
            until = now_us + lease_s * SECOND_US
            await begin(tx, key, token=token, lease_until_at=until, now_us=now_us)
            if sealed:
                await save_text(tx, key)
        return stored

    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + WAIT_S
    while True:
        try:
            return await context.database.transaction(fetch)
        except KeyInProgress:
            if loop.time() >= deadline_s:
                raise
        await asyncio.sleep(WAIT_STEP_S)


def _sealed(context: Context, key: RequestKey, answer: Answer) -> Answer:
    subject = "/".join(key.place)
    body = context.vault.seal(answer.body, purpose=SEAL_PURPOSE, subject=subject)
    return Answer(answer.status, body, is_sealed=True)


def _opened(context: Context, key: RequestKey | None, answer: Answer) -> Answer:
    if not answer.is_sealed or key is None:
        return answer
    subject = "/".join(key.place)
    body = context.vault.open(answer.body, purpose=SEAL_PURPOSE, subject=subject)
    return Answer(answer.status, body, is_replay=answer.is_replay)
