"""What keys may still do: the asking key itself, trees of keys, pause and resume; an account's day."""

from typing import Annotated

from msgspec import Meta

from billing.engine.key_standing import KeyStandings, load_standings
from billing.reports.key_tree import LimitUsage
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import ok
from gateway.api.schemas.mandates import (
    AccountLimits,
    AncestorKey,
    OwnKey,
)
from gateway.http.acting import note
from gateway.http.idempotency import run_once
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.errors import NotFound
from kernel.fields import Fields
from kernel.limits import INT64_MAX
from kernel.words import time_of
from keys.account import set_day_limit
from keys.api_keys import api_key
from keys.api_keys.api_key import ApiKey
from keys.api_keys.effective import together
from keys.principal import SCOPES, Principal, require_owner
from store.database import Transaction

_SCOPES = ("keys:write",)


class AccountLimitsBody(Fields, frozen=True, kw_only=True):
    """The account's own limit in this environment."""

    per_day_cents: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=INT64_MAX,
                description="On one UTC day, by all credentials together; null: no limit.",
            ),
        ]
        | None
    )


async def show_own(call: RequestContext[Fields, Fields]) -> Answer:
    """Whatever its scopes: a key may know what binds it."""
    principal, now_us = call.principal, call.now_us
    lineage = principal.lineage
    if not lineage:
        raise NotFound("Key")

    async def work(tx: Transaction) -> OwnKey:
        standings = await load_standings(tx, principal.tenant, lineage, now_us=now_us)
        keys = [await api_key.get(tx, principal.tenant, key_id) for key_id in lineage]
        return _own(principal, keys, standings)

    return answer(codes.SUCCESS, await call.context.database.read(work), now_us=now_us)


async def show_account(call: RequestContext[Fields, Fields]) -> Answer:
    """The account's own limit, and what of it is left today."""
    tenant, now_us = call.principal.tenant, call.now_us

    async def work(tx: Transaction) -> AccountLimits:
        return _account_limits(await load_standings(tx, tenant, (), now_us=now_us))

    return answer(codes.SUCCESS, await call.context.database.read(work), now_us=now_us)


async def set_account(call: RequestContext[AccountLimitsBody, Fields]) -> Answer:
    """By the account's owner: no key widens what binds it, and no colleague."""
    require_owner(call.principal)
    tenant, now_us, cents = call.principal.tenant, call.now_us, call.body.per_day_cents

    async def work(tx: Transaction) -> AccountLimits:
        before = _account_limits(await load_standings(tx, tenant, (), now_us=now_us))
        await set_day_limit(tx, tenant, cents)
        if before.per_day_cents != cents:
            await note(
                tx,
                call,
                "account.limited",
                tenant.account_id,
                before={"per_day_cents": before.per_day_cents},
                after={"per_day_cents": cents},
            )
        return _account_limits(await load_standings(tx, tenant, (), now_us=now_us))

    return await run_once(call, work, lambda limits: answer(codes.SUCCESS, limits, now_us=now_us))


def _own(principal: Principal, keys: list[ApiKey], standings: KeyStandings) -> OwnKey:
    own = keys[0]
    allowed = together([key.mandate for key in keys])
    return OwnKey.of(
        own,
        parents=[AncestorKey.of(key) for key in keys[1:]],
        paused=any(key.paused_at is not None for key in keys),
        scopes=[scope for scope in SCOPES if scope in principal.scopes],
        ip_allow_lists=[[str(net) for net in nets] for nets in principal.ip_allow_lists],
        platforms=allowed.platforms,
        recipients=allowed.recipients,
        per_recipient_per_day_cents=allowed.per_recipient_per_day_cents,
        repeat_guard_s=allowed.repeat_guard_s,
        per_call_cents=_least(keys, "per_call_cents"),
        approval_above_cents=_least(keys, "approval_threshold_cents"),
        approval_above_per_day_cents=_least(keys, "approval_above_per_day_cents"),
        limits=_limits(standings, principal.lineage),
        max_now_cents=standings.of(principal.lineage).max_now_cents,
        expires_at=time_of(principal.own_expires_at),
    )


def _limits(
    standings: KeyStandings, lineage: tuple[str, ...], *, has_account: bool = True
) -> list[LimitUsage]:
    views = standings.of(lineage).limits
    return [LimitUsage.of(one) for one in views if has_account or one.key_id is not None]


def _least(keys: list[ApiKey], name: str) -> int | None:
    found = [getattr(key, name) for key in keys]
    return min((one for one in found if one is not None), default=None)


def _account_limits(standings: KeyStandings) -> AccountLimits:
    found = _limits(standings, ())
    if not found:
        return AccountLimits(
            per_day_cents=None, spent_cents=None, remaining_cents=None, resets_at=None
        )
    day = found[0]
    return AccountLimits(
        per_day_cents=day.limit,
        spent_cents=day.spent,
        remaining_cents=day.remaining,
        resets_at=day.resets_at,
    )


ROUTES = (
    Route(
        "GET",
        "/keys/self",
        show_own,
        "What the asking key may do now",
        SCOPES,
        description=(
            "For any key, whatever its scopes: scopes, lists, thresholds and limits, its own and those of"
            " all keys above it together, with what is left of each and when it resets."
        ),
        answers=ok(OwnKey),
        refuses=(codes.NOT_FOUND,),
    ),
    Route(
        "GET",
        "/account/limits",
        show_account,
        "The account's own limit of a day",
        ("topup:read", "keys:write"),
        answers=ok(AccountLimits),
    ),
    Route(
        "PUT",
        "/account/limits",
        set_account,
        "Limit what the account spends on a day",
        _SCOPES,
        body=AccountLimitsBody,
        session_only=True,
        asks_password=True,
        description=(
            "Over all of its keys, tokens, people and apps, sends, usage and holds, counted from when it is"
            " set. By a person only."
        ),
        answers=ok(AccountLimits),
    ),
)
