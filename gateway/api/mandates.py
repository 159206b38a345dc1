"""What keys may still do: the asking key itself, trees of keys, pause and resume; an account's day."""

from billing.engine.key_usage import KeyStandings, load_key_usage
from billing.reports.key_tree import LimitUsage
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import ok
from gateway.api.schemas.mandates import (
    AncestorKey,
    OwnKey,
)
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.errors import NotFound
from kernel.fields import Fields
from kernel.words import time_of
from keys.api_keys import api_key
from keys.api_keys.api_key import ApiKey
from keys.api_keys.effective import together
from keys.principal import SCOPES, Principal
from store.database import Transaction

_SCOPES = ("keys:write",)


async def show_own(call: RequestContext[Fields, Fields]) -> Answer:
    """Accept any scope: a key may know its own limits."""
    principal, now_us = call.principal, call.now_us
    lineage = principal.lineage
    if not lineage:
        raise NotFound("Key")

    async def work(tx: Transaction) -> OwnKey:
        standings = await load_key_usage(tx, principal.tenant, lineage, now_us=now_us)
        keys = [await api_key.get(tx, principal.tenant, key_id) for key_id in lineage]
        return _own(principal, keys, standings)

    return answer(codes.SUCCESS, await call.context.database.read(work), now_us=now_us)


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
        limits=[LimitUsage.of(one) for one in standings.of(principal.lineage).limits],
        max_now_cents=standings.of(principal.lineage).max_now_cents,
        expires_at=time_of(principal.own_expires_at),
    )


def _least(keys: list[ApiKey], name: str) -> int | None:
    found = [getattr(key, name) for key in keys]
    return min((one for one in found if one is not None), default=None)


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
)
