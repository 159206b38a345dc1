"""`topup keys`: API keys; and the tokens that only the command line can make."""

from typing import Any

import click
from msgspec import to_builtins

from billing.reports.key_tree import SHOW_TREE
from cli.acting import tell
from cli.acts.command import group_of
from cli.database import account_named, account_or_own, read, write
from cli.examples import examples
from cli.options import account_option, environment_option, limit_option
from cli.output import json_option, note, run, show_record, show_rows
from gateway.api.schemas.keys import AccessToken as TokenShape
from kernel.clock import SystemClock
from kernel.tenant import Tenant
from keys.account import lock_tenants
from keys.api_keys.acts import ACTS
from keys.principal import Environment
from keys.tokens import access_token
from keys.tokens.access_token import AccessToken, AccessTokenKind
from store.database import Transaction

_account = click.option("--account", required=True, help="Its id or email address.")
_KINDS = click.Choice(["operator", "system"])
_KIND_HELP = "operator: adm_, for administration; system: sat_, an account's own."
_kind = click.option("--kind", type=_KINDS, required=True, help=_KIND_HELP)
_kind_or_operator = click.option(
    "--kind", type=_KINDS, default="operator", show_default=True, help=_KIND_HELP
)

keys = group_of("keys", "API keys, and system and operator tokens.", (*ACTS, SHOW_TREE))


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
