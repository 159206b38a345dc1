"""API keys: mint, list, show, change, revoke, rotate; and an account for who has none yet."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta

from billing.credits.opening import open_account
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Listing, created, exported, ok
from gateway.answers.words import time_of
from gateway.api.bodies.key_body import KeysPatchBody, MintBody, limits_of
from gateway.api.bodies.key_platforms import check_platforms
from gateway.api.schemas.keys import ApiKey as KeyShape, MintedKey, SandboxKey
from gateway.http.acting import note
from gateway.http.auth import block_of
from gateway.http.fields import EnvironmentMismatch
from gateway.http.idempotency import run_once
from gateway.http.lists import Export, ExportPage, list_or_csv
from gateway.http.rate_limit import take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.clock import HOUR_US, SECOND_US
from kernel.errors import NotFound
from kernel.fields import Fields, Int64, time_us, within
from keys.api_keys import api_key
from keys.api_keys.api_key import OVERLAP_S_MAX, ApiKey
from keys.api_keys.fields import CENTS_FIELDS, KeyChanges, NewKey
from keys.principal import ACCOUNT_SCOPES, Environment
from keys.staging_quota import check_new_sandbox
from store.database import Transaction
from webhooks.events.key_events import tell_key

STAGING: Final[Environment] = "staging"
SANDBOX_NAME = "Sandbox"
APPROVER_NAME = "Sandbox approver"
APPROVER_SCOPES = ("approvals:write",)
SANDBOX_ACCOUNTS_MAX = 5  # an hour and address
_SCOPES = ("keys:write",)
_EXPORT = Export(
    "keys",
    _SCOPES,
    (
        *("id", "name", "parent_id", "prefix", "last4", "scopes", "purpose", "client_id"),
        *("caps.per_call_cents", "caps.per_day_cents", "caps.per_month_cents", "lifetime_cents"),
        *("windows", "approval_above_cents", "approval_above_per_day_cents"),
        *("per_recipient_per_day_cents", "max_sends_per_hour", "repeat_guard_s", "platforms"),
        *("recipients", "ip_allow_list", "created_at", "expires_at", "last_used_at", "paused_at"),
        "revoked_at",
    ),
)


class SandboxBody(Fields, frozen=True, kw_only=True):
    """environment may say what is so anyway."""

    environment: Annotated[str, Meta(max_length=20)] = STAGING


class KeysRotateBody(Fields, frozen=True, kw_only=True):
    """How long both keys work."""

    overlap_s: Annotated[
        Int64,
        within(0, OVERLAP_S_MAX),
        Meta(description="How long the old key still works, in seconds."),
    ] = 0


async def mint(call: RequestContext[MintBody, Fields]) -> Answer:
    body, principal = call.body, call.principal
    now_us = call.now_us
    limits = limits_of(body, body.caps or UNSET)
    check_platforms(call, principal.environment, body.platforms or ())
    new = NewKey(
        name=body.name,
        preset=body.preset,
        scopes=body.scopes,
        ip_allow_list=body.ip_allow_list,
        expires_at=time_us(body.expires_at, "expires_at"),
        **{name: None if value is UNSET else value for name, value in limits.items()},
    )

    async def work(tx: Transaction) -> tuple[ApiKey, str]:
        made, secret = await api_key.mint(
            tx,
            account_id=principal.account_id,
            environment=principal.environment,
            parent=principal,
            new=new,
            now_us=now_us,
        )
        await note(tx, call, "key.created", made.id, after=audited(made))
        by = principal.credential_id
        await tell_key(tx, "key.created", made, by=by, now_us=now_us)
        return made, secret

    return await run_once(call, work, _with_secret(now_us, 201), sealed=True)


async def list_keys(call: RequestContext[Fields, ExportPage]) -> Reply:
    principal = call.principal
    read = partial(api_key.list_keys, tenant=principal.tenant, viewer=principal)
    shape, sorts = KeyShape.of, api_key.SORTS
    return await list_or_csv(call, "key", read, _EXPORT, shape=shape, sorts=sorts)


async def show(call: RequestContext[Fields, Fields]) -> Answer:
    principal, key_id = call.principal, call.params["key_id"]
    key = await call.context.database.read(
        lambda tx: api_key.get(tx, principal.tenant, key_id, viewer=principal)
    )
    return answer(codes.SUCCESS, KeyShape.of(key), now_us=call.now_us)


async def change(call: RequestContext[KeysPatchBody, Fields]) -> Answer:
    body, principal, key_id = call.body, call.principal, call.params["key_id"]
    now_us = call.now_us
    expires_at = body.expires_at
    changes = KeyChanges(
        name=body.name,
        scopes=body.scopes,
        ip_allow_list=body.ip_allow_list,
        expires_at=expires_at if expires_at is UNSET else time_us(expires_at, "expires_at"),
        **limits_of(body, body.caps),
    )

    async def work(tx: Transaction) -> ApiKey:
        # Who may not see the key does not learn that it exists.
        before = await api_key.get(tx, principal.tenant, key_id, viewer=principal)
        if body.platforms is not UNSET:
            kept = before.mandate.platforms
            check_platforms(call, principal.environment, body.platforms or (), kept=kept)
        after = await api_key.patch(
            tx, principal.tenant, key_id, changes=changes, asker=principal, now_us=now_us
        )
        old, new = audited(before), audited(after)
        differing = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        await note(
            tx,
            call,
            "key.changed",
            key_id,
            before={name: old.get(name) for name in differing},
            after={name: new.get(name) for name in differing},
        )
        return after

    return await run_once(
        call, work, lambda key: answer(codes.SUCCESS, KeyShape.of(key), now_us=now_us)
    )


async def revoke(call: RequestContext[Fields, Fields]) -> Answer:
    principal, key_id, now_us = call.principal, call.params["key_id"], call.now_us

    async def work(tx: Transaction) -> ApiKey:
        before = await api_key.get(tx, principal.tenant, key_id, viewer=principal)
        ended = await api_key.revoke(tx, principal.tenant, key_id, asker=principal, now_us=now_us)
        if before.revoked_at is None:
            await note(tx, call, "key.revoked", key_id, after={"name": ended.name})
            by = principal.credential_id
            await tell_key(tx, "key.revoked", ended, by=by, now_us=now_us)
        return ended

    return await run_once(
        call, work, lambda key: answer(codes.SUCCESS, KeyShape.of(key), now_us=now_us)
    )


async def rotate(call: RequestContext[KeysRotateBody, Fields]) -> Answer:
    principal, key_id, now_us = call.principal, call.params["key_id"], call.now_us
    overlap_s = call.body.overlap_s

    async def work(tx: Transaction) -> tuple[ApiKey, str]:
        await api_key.get(tx, principal.tenant, key_id, viewer=principal)
        rotated, secret = await api_key.rotate(
            tx, principal.tenant, key_id, overlap_s=overlap_s, asker=principal, now_us=now_us
        )
        await note(tx, call, "key.rotated", key_id, after={"overlap_s": overlap_s})
        return rotated, secret

    return await run_once(call, work, _with_secret(now_us, 200), sealed=True)


async def make_sandbox(call: RequestContext[SandboxBody, Fields]) -> Answer:
    """A fresh staging account with test credit and its key: the first of an agent's two calls."""
    context = call.context
    if not context.settings.self_serve_staging:
        raise NotFound("Path")
    if call.body.environment != STAGING:
        raise EnvironmentMismatch("a sandbox account has staging only", param="environment")
    context.staging_room.check_environment(STAGING)
    await take_one(
        context.limiter,
        f"sandbox:{block_of(call.address)}",
        count=SANDBOX_ACCOUNTS_MAX,
        period_s=HOUR_US // SECOND_US,
        detail=f"{SANDBOX_ACCOUNTS_MAX} sandbox accounts an hour are made for one address",
    )
    now_us = call.now_us

    async def work(tx: Transaction) -> tuple[ApiKey, str, str]:
        await check_new_sandbox(tx, context.settings.staging_quotas, now_us=now_us)
        account_id = await open_account(
            tx, name=SANDBOX_NAME, email=None, now_us=now_us, is_sandbox=True, has_live=False
        )

        async def mint_one(name: str, scopes: Sequence[str]) -> tuple[ApiKey, str]:
            return await api_key.mint(
                tx,
                account_id=account_id,
                environment=STAGING,
                parent=None,
                new=NewKey(name=name, scopes=scopes),
                now_us=now_us,
            )

        # Of a lineage of its own, since whoever asks does not decide. It can do nothing else.
        _, approver_secret = await mint_one(APPROVER_NAME, APPROVER_SCOPES)
        return *await mint_one(SANDBOX_NAME, ACCOUNT_SCOPES), approver_secret

    key, secret, approver_key = await context.database.transaction(work)
    data = SandboxKey.of(key, key=secret, account_id=key.account_id, approver_key=approver_key)
    return answer(codes.SUCCESS, data, now_us=now_us, http_status=201)


def audited(key: ApiKey) -> dict[str, Any]:
    """What the security log tells of a key."""
    return {
        "name": key.name,
        "scopes": key.scopes,
        "ip_allow_list": key.ip_allow_list,
        **{name: getattr(key, name) for name in CENTS_FIELDS},
        **msgspec.to_builtins(key.mandate),
        "purpose": key.purpose,
        "expires_at": time_of(key.expires_at),
    }


def _with_secret(now_us: int, http_status: int) -> Any:
    """Renders a key together with its secret, which is shown this once."""

    def render(made: tuple[ApiKey, str]) -> Answer:
        key, secret = made
        data = MintedKey.of(key, key=secret)
        return answer(codes.SUCCESS, data, now_us=now_us, http_status=http_status)

    return render


ROUTES = (
    Route(
        "POST",
        "/keys",
        mint,
        "Create a key",
        _SCOPES,
        body=MintBody,
        asks_password=True,
        answers=created(MintedKey),
        refuses=(codes.LIMIT_REACHED,),
    ),
    Route(
        "GET",
        "/keys",
        list_keys,
        "List keys",
        _SCOPES,
        query=ExportPage,
        answers=exported(Listing[KeyShape]),
    ),
    Route(
        "POST",
        "/keys/sandbox",
        make_sandbox,
        "Make a sandbox account",
        body=SandboxBody,
        is_public=True,
        description=(
            "A fresh staging account with test credit, and its key: no sign-up needed. The"
            " approver_key decides on sends that wait for an approval, which the key itself cannot."
        ),
        answers=created(SandboxKey),
        refuses=(codes.MISSING_SCOPE, codes.NOT_FOUND, codes.RATE_LIMITED),
    ),
    Route("GET", "/keys/{key_id}", show, "Show a key", _SCOPES, answers=ok(KeyShape)),
    Route(
        "PATCH",
        "/keys/{key_id}",
        change,
        "Change a key",
        _SCOPES,
        body=KeysPatchBody,
        asks_password=True,
        answers=ok(KeyShape),
    ),
    Route(
        "DELETE",
        "/keys/{key_id}",
        revoke,
        "Revoke a key",
        _SCOPES,
        is_for_suspended=True,
        answers=ok(KeyShape),
    ),
    Route(
        "POST",
        "/keys/{key_id}/rotate",
        rotate,
        "Rotate a key",
        _SCOPES,
        body=KeysRotateBody,
        asks_password=True,
        answers=ok(MintedKey),
    ),
)
