"""`topup keys`: API keys, and the tokens that only the command line can make."""

from collections.abc import Sequence
from typing import Any

import click

from cli.database import account_named, read, write
from cli.output import json_option, note, run, show_record, show_rows
from kernel.clock import SystemClock, parse_rfc3339, rfc3339
from kernel.errors import NotFound
from kernel.limits import PAGE_ITEMS, PAGE_ITEMS_MAX
from keys import access_token, api_key
from keys.access_token import AccessToken, TokenKind
from keys.account import lock_scopes
from keys.api_key import ApiKey
from keys.key_fields import NewKey
from keys.principal import ENVIRONMENTS, Environment, Scope
from store.db import Transaction

_CAPS = ("per_call_cents", "per_day_cents", "per_month_cents")
_environment = click.option(
    "--environment", type=click.Choice(ENVIRONMENTS), default="staging", show_default=True
)
_account = click.option("--account", required=True, help="Its id or email address.")


class _Time(click.ParamType[int]):
    """An RFC 3339 time, as microseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return value if isinstance(value, int) else parse_rfc3339(value)
        except ValueError:
            return self.fail("is a time such as 2027-01-31T00:00:00Z", param, ctx)


@click.group()
def keys() -> None:
    """API keys, and system and operator tokens."""


@keys.command("create")
@_account
@_environment
@click.option("--name", default="cli", show_default=True)
@click.option(
    "--scope", "scopes", multiple=True, help="Repeat for several; default: the usual ones."
)
@click.option("--ip-allow", "ip_allow_list", multiple=True, help="A CIDR; repeat for several.")
@click.option("--per-call-cents", type=int)
@click.option("--per-day-cents", type=int)
@click.option("--per-month-cents", type=int)
@click.option("--approval-threshold-cents", type=int, help="Sends above it wait for approval.")
@click.option("--expires-at", type=_Time(), help="RFC 3339, such as 2027-01-31T00:00:00Z.")
@json_option
def create(
    account: str, environment: Environment, name: str, scopes: Sequence[str], **limits: Any
) -> None:
    """Mint a key. It is shown once."""

    async def work(tx: Transaction) -> tuple[ApiKey, str]:
        owner = await account_named(account)(tx)
        await lock_scopes(tx, [(owner.id, environment)])
        return await api_key.mint(
            tx,
            account_id=owner.id,
            environment=environment,
            parent=None,
            new=NewKey(name=name, scopes=scopes or None, **limits),
            now_us=SystemClock().now_us(),
        )

    made, secret = run(write(work))
    show_record({**_shape(made), "key": secret})
    note("the key is shown this once")


@keys.command("list")
@_account
@_environment
@click.option("--limit", type=click.IntRange(1, PAGE_ITEMS_MAX), default=PAGE_ITEMS)
@click.option("--cursor", help="The id of the last key of the page before.")
@json_option
def list_(account: str, environment: Environment, limit: int, cursor: str | None) -> None:
    """List an account's keys, newest first."""

    async def work(tx: Transaction) -> list[ApiKey]:
        owner = await account_named(account)(tx)
        return await api_key.list_keys(tx, (owner.id, environment), before_id=cursor, limit=limit)

    found = run(read(work))
    more = found[-1].id if len(found) == limit else None
    rows = [_shape(key) for key in found]
    show_rows(
        rows, "id", "name", "secret", "scopes", "last_used_at", "revoked_at", next_cursor=more
    )


@keys.command("show")
@click.argument("key_id")
@json_option
def show(key_id: str) -> None:
    """Show one key."""

    async def work(tx: Transaction) -> ApiKey:
        return await api_key.get(tx, await _scope(tx, key_id), key_id)

    show_record(_shape(run(read(work))))


@keys.command("revoke")
@click.argument("key_id")
@json_option
def revoke(key_id: str) -> None:
    """End a key and every key minted by it, for good."""

    async def work(tx: Transaction) -> ApiKey:
        scope = await _scope(tx, key_id)
        await lock_scopes(tx, [scope])
        return await api_key.revoke(tx, scope, key_id, asker=None, now_us=SystemClock().now_us())

    show_record(_shape(run(write(work))))


@keys.command("rotate")
@click.argument("key_id")
@click.option(
    "--overlap-s", type=int, default=0, show_default=True, help="Old secret's rest, in s."
)
@json_option
def rotate(key_id: str, overlap_s: int) -> None:
    """Give a key a new secret; id, lineage and counters stay. It is shown once."""

    async def work(tx: Transaction) -> tuple[ApiKey, str]:
        scope = await _scope(tx, key_id)
        await lock_scopes(tx, [scope])
        return await api_key.rotate(
            tx, scope, key_id, overlap_s=overlap_s, asker=None, now_us=SystemClock().now_us()
        )

    rotated, secret = run(write(work))
    show_record({**_shape(rotated), "key": secret})
    note("the key is shown this once")


@keys.command("token")
@_account
@_environment
@click.option("--kind", type=click.Choice(["operator", "system"]), required=True)
@click.option("--name", default="cli", show_default=True)
@json_option
def token(account: str, environment: Environment, kind: TokenKind, name: str) -> None:
    """Make an operator token (adm_, administration) or an account's system token (sat_)."""

    async def work(tx: Transaction) -> tuple[AccessToken, str]:
        owner = await account_named(account)(tx)
        await lock_scopes(tx, [(owner.id, environment)])
        return await access_token.create(
            tx,
            kind=kind,
            account_id=owner.id,
            environment=environment,
            name=name,
            maker=None,
            now_us=SystemClock().now_us(),
        )

    made, secret = run(write(work))
    show_record({**_token_shape(made), "token": secret})
    note("the token is shown this once")


@keys.command("tokens")
@_account
@_environment
@click.option("--kind", type=click.Choice(["operator", "system"]), default="operator")
@click.option("--limit", type=click.IntRange(1, PAGE_ITEMS_MAX), default=PAGE_ITEMS)
@click.option("--cursor", help="The id of the last token of the page before.")
@json_option
def tokens(
    account: str, environment: Environment, kind: TokenKind, limit: int, cursor: str | None
) -> None:
    """List an account's tokens, newest first."""

    async def work(tx: Transaction) -> list[AccessToken]:
        owner = await account_named(account)(tx)
        return await access_token.list_tokens(
            tx, (owner.id, environment), kind=kind, before_id=cursor, limit=limit
        )

    found = run(read(work))
    more = found[-1].id if len(found) == limit else None
    rows = [_token_shape(one) for one in found]
    show_rows(rows, "id", "kind", "name", "secret", "last_used_at", "revoked_at", next_cursor=more)


@keys.command("revoke-token")
@click.argument("token_id")
@_account
@_environment
@click.option("--kind", type=click.Choice(["operator", "system"]), default="operator")
@json_option
def revoke_token(token_id: str, account: str, environment: Environment, kind: TokenKind) -> None:
    """End a token for good."""

    async def work(tx: Transaction) -> AccessToken:
        owner = await account_named(account)(tx)
        scope = (owner.id, environment)
        await lock_scopes(tx, [scope])
        now_us = SystemClock().now_us()
        return await access_token.revoke(tx, scope, token_id, kind=kind, asker=None, now_us=now_us)

    show_record(_token_shape(run(write(work))))


async def _scope(tx: Transaction, key_id: str) -> Scope:
    """Whose key it is; the operator need not say."""
    state = (await api_key.load_key_states(tx, [key_id])).get(key_id)
    if state is None:
        raise NotFound("Key")
    return (state.account_id, state.environment)


def _shape(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "account_id": key.account_id,
        "environment": key.environment,
        "parent_id": key.parent_id,
        "name": key.name,
        "secret": f"{key.prefix}…{key.last4}",
        "scopes": key.scopes,
        "caps": {cap: cents for cap in _CAPS if (cents := getattr(key, cap)) is not None},
        "ip_allow_list": key.ip_allow_list,
        "approval_threshold_cents": key.approval_threshold_cents,
        "expires_at": _time(key.expires_at),
        "created_at": rfc3339(key.created_at),
        "last_used_at": _time(key.last_used_at),
        "revoked_at": _time(key.revoked_at),
    }


def _token_shape(made: AccessToken) -> dict[str, Any]:
    return {
        "id": made.id,
        "kind": made.kind,
        "account_id": made.account_id,
        "environment": made.environment,
        "name": made.name,
        "secret": f"{made.prefix}…{made.last4}",
        "created_at": rfc3339(made.created_at),
        "last_used_at": _time(made.last_used_at),
        "revoked_at": _time(made.revoked_at),
    }


def _time(at_us: int | None) -> str | None:
    return None if at_us is None else rfc3339(at_us)
