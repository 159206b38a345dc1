"""`topup apps`: OAuth apps. A client_secret is printed once, when it is made."""

from typing import Any, Final

import click

from billing.ledger.money import MICROS_PER_USD
from billing.ledger.price import parse_decimal
from cli.acting import tell
from cli.database import account_named, read, write
from cli.examples import examples
from cli.options import environment_option, limit_option
from cli.output import json_option, note, run, show_record, show_rows
from kernel.clock import SystemClock, rfc3339
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.tenant import Tenant
from keys.account import Account, first_account, lock_tenants
from keys.oauth import app as oauth_app
from keys.oauth.app import CAP_MICROS, CAP_PERIODS, NewApp, OAuthApp
from keys.principal import OAUTH_SCOPES, Environment
from store.database import Transaction

_PLACES: Final = 6
_account = click.option(
    "--account",
    help="The owner, by id or email address; default: the oldest operator's account, else the"
    " oldest account.",
)


def _dollars(_ctx: click.Context, _param: click.Parameter, value: str) -> int:
    """Micros of an amount in dollars."""
    try:
        return parse_decimal(value, places=_PLACES, param="cap")
    except DomainError as error:
        raise click.BadParameter(error.detail) from None


@click.group(
    epilog=examples(
        "topup apps create --name Chat --redirect-uri https://chat.example/cb --scope general_api_access",
        "topup apps list --account ops@acme.example",
    )
)
def apps() -> None:
    """OAuth apps: software that acts for users who allow it."""


@apps.command(
    "create",
    epilog=examples(
        "topup apps create --name Chat --redirect-uri https://chat.example/cb --scope advanced_access --cap 20",
        "topup apps create --name Desk --public --redirect-uri http://127.0.0.1/cb --scope general_api_access",
        "topup apps create --name Wiki --redirect-host wiki.example --scope advanced_access",
    ),
)
@click.option("--name", required=True, help="Shown to whoever is asked to allow it.")
@click.option(
    "--redirect-uri",
    "redirect_uris",
    multiple=True,
    help="Exactly where codes may go; repeat for several. On localhost any port will do.",
)
@click.option(
    "--redirect-host",
    default="",
    help="For OhMyGPT clients: any path of this host, with its port if it has one.",
)
@click.option(
    "--public",
    "is_public",
    is_flag=True,
    help="Runs in a browser or on people's devices: no secret, PKCE required.",
)
@click.option(
    "--scope", type=click.Choice(OAUTH_SCOPES), required=True, help="Each allows the ones before."
)
@_account
@environment_option
@click.option(
    "--cap",
    "cap_micros",
    default=str(CAP_MICROS // MICROS_PER_USD),
    show_default=True,
    callback=_dollars,
    help="Dollars that it may charge one user in each period.",
)
@click.option(
    "--cap-period",
    type=click.Choice(CAP_PERIODS),
    default="month",
    show_default=True,
    help="How often the cap starts again.",
)
@json_option
def create(account: str | None, environment: Environment, **fields: Any) -> None:
    """Register an app. Its secret is shown once; a public app has none."""

    async def work(tx: Transaction) -> tuple[OAuthApp, str]:
        owner = await _owner(tx, account, environment)
        await lock_tenants(tx, [owner])
        now_us = SystemClock().now_us()
        app, fresh = await oauth_app.create(tx, owner, NewApp(**fields), now_us=now_us)
        after = {
            "name": app.name,
            "scope": app.scope,
            "hosts": app.registered.hosts,
            "cap_micros": app.cap_micros,
        }
        await tell(tx, owner, "app.created", app.id, after=after)
        return app, fresh

    made, secret = run(write(work))
    _show_secret(made, secret)


@apps.command(
    "list",
    epilog=examples(
        "topup apps list --environment live",
    ),
)
@_account
@environment_option
@limit_option
@click.option("--cursor", help="The client_id of the last app of the page before.")
@json_option
def list_(account: str | None, environment: Environment, limit: int, cursor: str | None) -> None:
    """List an account's apps, newest first."""

    async def work(tx: Transaction) -> list[OAuthApp]:
        owner = await _owner(tx, account, environment)
        return await oauth_app.list_apps(tx, owner, before_id=cursor, limit=limit)

    found = run(read(work))
    more = found[-1].id if len(found) == limit else None
    rows = [_shape(app) for app in found]
    columns = (
        "client_id",
        "name",
        "scope",
        "redirect_uris",
        "redirect_host",
        "cap",
        "disabled_at",
    )
    show_rows(rows, *columns, next_cursor=more)


@apps.command(
    "rotate",
    epilog=examples(
        "topup apps rotate CLIENT_ID",
    ),
)
@click.argument("client_id")
@json_option
def rotate(client_id: str) -> None:
    """Make a new secret; the present one ends at once, tokens live on."""

    async def work(tx: Transaction) -> tuple[OAuthApp, str]:
        owner = await _owner_of(tx, client_id)
        await lock_tenants(tx, [owner])
        await tell(tx, owner, "app.secret_rotated", client_id)
        return await oauth_app.rotate(tx, owner, client_id, now_us=SystemClock().now_us())

    made, secret = run(write(work))
    _show_secret(made, secret)


@apps.command(
    "disable",
    epilog=examples(
        "topup apps disable CLIENT_ID",
    ),
)
@click.argument("client_id")
@json_option
def disable(client_id: str) -> None:
    """End an app for good, and with it every token of it."""

    async def work(tx: Transaction) -> OAuthApp:
        owner = await _owner_of(tx, client_id)
        await lock_tenants(tx, [owner])
        await tell(tx, owner, "app.disabled", client_id)
        return await oauth_app.disable(tx, owner, client_id, now_us=SystemClock().now_us())

    show_record(_shape(run(write(work))))


async def _owner(tx: Transaction, account: str | None, environment: Environment) -> Tenant:
    """Raises NotFound, and InvalidInput for an account that never earns or spends live credit."""
    found: Account | None
    found = await account_named(account)(tx) if account is not None else await first_account(tx)
    if found is None:
        raise NotFound("Account")
    if found.is_sandbox and environment == "live":
        raise InvalidInput("a sandbox account is staging's only", param="account")
    return Tenant(found.id, environment)


async def _owner_of(tx: Transaction, client_id: str) -> Tenant:
    """Whose app it is; the operator need not say."""
    found = await oauth_app.find(tx, client_id)
    if found is None:
        raise NotFound("App")
    return found.owner


def _show_secret(app: OAuthApp, secret: str) -> None:
    if not secret:
        show_record(_shape(app))
        note("a public app has no secret: it proves itself with PKCE")
        return
    show_record({**_shape(app), "client_secret": secret})
    note("the client_secret is shown this once")


def _shape(app: OAuthApp) -> dict[str, Any]:
    dollars, micros = divmod(app.cap_micros, MICROS_PER_USD)
    places = f"{micros:06d}".rstrip("0").ljust(2, "0")
    return {
        "client_id": app.id,
        "account_id": app.account_id,
        "environment": app.environment,
        "name": app.name,
        "scope": app.scope,
        "redirect_uris": " ".join(app.redirect_uris),
        "redirect_host": app.redirect_host,
        "public": app.is_public,
        "cap": f"${dollars}.{places} a {app.cap_period}",
        "secret": f"…{app.secret_last4}" if app.secret_last4 else None,
        "created_at": rfc3339(app.created_at),
        "rotated_at": _time(app.rotated_at),
        "disabled_at": _time(app.disabled_at),
    }


def _time(at_us: int | None) -> str | None:
    return None if at_us is None else rfc3339(at_us)
