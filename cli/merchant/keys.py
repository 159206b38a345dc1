"""`topup keys`: API keys, and the tokens that only the command line can make."""

from collections.abc import Sequence
from typing import Any, get_args

import click
from msgspec import to_builtins

from cli.acting import tell
from cli.database import account_named, account_or_own, read, write
from cli.examples import examples
from cli.key_options import given, limit_options
from cli.merchant.key_limits import (
    pause,
    resume,
    set_,
    shape,
    tenant_of,
    tree,
)
from cli.options import account_option, database_option, environment_option, limit_option
from cli.output import json_option, note, run, show_record, show_rows
from gateway.api.schemas.keys import AccessToken as TokenShape
from kernel.clock import SystemClock
from kernel.tenant import Tenant
from keys.account import lock_tenants
from keys.api_keys import api_key
from keys.api_keys.api_key import ApiKey
from keys.api_keys.fields import NewKey
from keys.api_keys.presets import PresetName
from keys.audit_log import COMMAND_LINE
from keys.principal import Environment
from keys.tokens import access_token
from keys.tokens.access_token import AccessToken, AccessTokenKind
from store.database import Transaction
from webhooks.events.key_events import tell_key

_account = click.option("--account", required=True, help="Its id or email address.")
_KINDS = click.Choice(["operator", "system"])
_KIND_HELP = "operator: adm_, for administration; system: sat_, an account's own."
_kind = click.option("--kind", type=_KINDS, required=True, help=_KIND_HELP)
_kind_or_operator = click.option(
    "--kind", type=_KINDS, default="operator", show_default=True, help=_KIND_HELP
)


@click.group(
    epilog=examples(
        "topup keys create --account ops@acme.example",
        "topup keys revoke key_7Hn2",
    )
)
def keys() -> None:
    """API keys, and system and operator tokens."""


for _command in (set_, pause, resume, tree):
    keys.add_command(_command)


@keys.command(
    "create",
    epilog=examples(
        "topup keys create --account ops@acme.example --name agent --per-day-cents 5000",
        "topup keys create --account ops@acme.example --environment live --scope topup:send --scope topup:read",
    ),
)
@_account
@environment_option
@click.option("--name", default="cli", show_default=True, help="What people call it.")
@click.option(
    "--scope", "scopes", multiple=True, help="Repeat for several; default: all of an account."
)
@click.option("--ip-allow", "ip_allow_list", multiple=True, help="A CIDR; repeat for several.")
@click.option(
    "--preset",
    type=click.Choice(get_args(PresetName)),
    help="agent: refuse a repeated send, and ask for limits of a day.",
)
@limit_options
@database_option
@json_option
def create(
    account: str, environment: Environment, name: str, scopes: Sequence[str], **limits: Any
) -> None:
    """Create a key. It is shown once."""

    async def work(tx: Transaction) -> tuple[ApiKey, str]:
        owner = await account_named(account)(tx)
        await lock_tenants(tx, [Tenant(owner.id, environment)])
        made, secret = await api_key.mint(
            tx,
            account_id=owner.id,
            environment=environment,
            parent=None,
            new=NewKey(name=name, scopes=scopes or None, **given(limits)),
            now_us=SystemClock().now_us(),
        )
        after = {"name": made.name, "scopes": made.scopes}
        await tell(tx, Tenant(owner.id, environment), "key.created", made.id, after=after)
        await tell_key(tx, "key.created", made, by=COMMAND_LINE, now_us=made.created_at)
        return made, secret

    made, secret = run(write(work))
    show_record({**shape(made), "key": secret})
    note("the key is shown this once")


@keys.command(
    "list",
    epilog=examples(
        "topup keys list --account ops@acme.example --environment live",
    ),
)
@account_option
@environment_option
@limit_option
@click.option("--cursor", help="The id of the last key of the page before.")
@database_option
@json_option
def list_(account: str | None, environment: Environment, limit: int, cursor: str | None) -> None:
    """List an account's keys, newest first."""

    async def work(tx: Transaction) -> list[ApiKey]:
        owner = await account_or_own(account)(tx)
        return await api_key.list_keys(
            tx, Tenant(owner.id, environment), before_id=cursor, limit=limit
        )

    found = run(read(work))
    more = found[-1].id if len(found) == limit else None
    rows = [shape(key) for key in found]
    show_rows(
        rows,
        "id",
        "name",
        "prefix",
        "last4",
        "scopes",
        "last_used_at",
        "revoked_at",
        next_cursor=more,
    )


@keys.command(
    "show",
    epilog=examples(
        "topup keys show key_7Hn2",
    ),
)
@click.argument("key_id")
@database_option
@json_option
def show(key_id: str) -> None:
    """Show one key."""

    async def work(tx: Transaction) -> ApiKey:
        return await api_key.get(tx, await tenant_of(tx, key_id), key_id)

    show_record(shape(run(read(work))))


@keys.command(
    "revoke",
    epilog=examples(
        "topup keys revoke key_7Hn2",
    ),
)
@click.argument("key_id")
@database_option
@json_option
def revoke(key_id: str) -> None:
    """End a key and every key made by it, for good."""

    async def work(tx: Transaction) -> ApiKey:
        tenant = await tenant_of(tx, key_id)
        await lock_tenants(tx, [tenant])
        now_us = SystemClock().now_us()
        before = await api_key.get(tx, tenant, key_id)
        ended = await api_key.revoke(tx, tenant, key_id, asker=None, now_us=now_us)
        if before.revoked_at is None:
            await tell(tx, tenant, "key.revoked", key_id)
            await tell_key(tx, "key.revoked", ended, by=COMMAND_LINE, now_us=now_us)
        return ended

    show_record(shape(run(write(work))))


@keys.command(
    "rotate",
    epilog=examples(
        "topup keys rotate key_7Hn2 --overlap-s 3600",
    ),
)
@click.argument("key_id")
@click.option(
    "--overlap-s", type=int, default=0, show_default=True, help="Old secret's rest, in s."
)
@database_option
@json_option
def rotate(key_id: str, overlap_s: int) -> None:
    """Give a key a new secret; id, lineage and counters stay. It is shown once."""

    async def work(tx: Transaction) -> tuple[ApiKey, str]:
        tenant = await tenant_of(tx, key_id)
        await lock_tenants(tx, [tenant])
        await tell(tx, tenant, "key.rotated", key_id, after={"overlap_s": overlap_s})
        return await api_key.rotate(
            tx, tenant, key_id, overlap_s=overlap_s, asker=None, now_us=SystemClock().now_us()
        )

    rotated, secret = run(write(work))
    show_record({**shape(rotated), "key": secret})
    note("the key is shown this once")


@keys.command(
    "token",
    epilog=examples(
        "topup keys token --account us@acme.example --kind operator",
    ),
)
@_account
@environment_option
@_kind
@click.option("--name", default="cli", show_default=True, help="What people call it.")
@json_option
def token(account: str, environment: Environment, kind: AccessTokenKind, name: str) -> None:
    """Create an operator token (adm_, administration) or an account's system token (sat_)."""

    async def work(tx: Transaction) -> tuple[AccessToken, str]:
        owner = await account_named(account)(tx)
        await lock_tenants(tx, [Tenant(owner.id, environment)])
        made, secret = await access_token.create(
            tx,
            kind=kind,
            account_id=owner.id,
            environment=environment,
            name=name,
            maker=None,
            now_us=SystemClock().now_us(),
        )
        after = {"name": made.name, "kind": kind}
        await tell(tx, Tenant(owner.id, environment), "token.created", made.id, after=after)
        return made, secret

    made, secret = run(write(work))
    show_record({**_token_shape(made), "token": secret})
    note("the token is shown this once")


@keys.command(
    "tokens",
    epilog=examples(
        "topup keys tokens --account us@acme.example --kind system",
    ),
)
@account_option
@environment_option
@_kind_or_operator
@limit_option
@click.option("--cursor", help="The id of the last token of the page before.")
@json_option
def tokens(
    account: str | None,
    environment: Environment,
    kind: AccessTokenKind,
    limit: int,
    cursor: str | None,
) -> None:
    """List an account's tokens, newest first."""

    async def work(tx: Transaction) -> list[AccessToken]:
        owner = await account_or_own(account)(tx)
        return await access_token.list_tokens(
            tx, Tenant(owner.id, environment), kind=kind, before_id=cursor, limit=limit
        )

    found = run(read(work))
    more = found[-1].id if len(found) == limit else None
    rows = [_token_shape(one) for one in found]
    show_rows(
        rows,
        "id",
        "kind",
        "name",
        "prefix",
        "last4",
        "last_used_at",
        "revoked_at",
        next_cursor=more,
    )


@keys.command(
    "revoke-token",
    epilog=examples(
        "topup keys revoke-token tok_2Ab9 --account us@acme.example",
    ),
)
@click.argument("token_id")
@_account
@environment_option
@_kind_or_operator
@json_option
def revoke_token(
    token_id: str, account: str, environment: Environment, kind: AccessTokenKind
) -> None:
    """End a token for good."""

    async def work(tx: Transaction) -> AccessToken:
        owner = await account_named(account)(tx)
        tenant = Tenant(owner.id, environment)
        await lock_tenants(tx, [tenant])
        now_us = SystemClock().now_us()
        await tell(tx, tenant, "token.revoked", token_id)
        return await access_token.revoke(tx, tenant, token_id, kind=kind, asker=None, now_us=now_us)

    show_record(_token_shape(run(write(work))))


def _token_shape(made: AccessToken) -> dict[str, Any]:
    return {**to_builtins(TokenShape.of(made)), "kind": made.kind, "account_id": made.account_id}
