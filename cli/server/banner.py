"""The output of `topup dev`: short, and ready to paste."""

from collections.abc import Sequence

import click

from cli.server.demo import FILE_NAME, Demo
from runtime.settings import Settings
from store.open import SQLITE_PREFIX

# Unwrapped and unindented, so that it can be pasted.
_CURL = """\
curl -X POST {url}/api/public/v1/topup/send \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{
    "platform": "claude",
    "amount_cents": 1000,
    "recipient_email": "user@example.com"
  }}'"""


def curl_line(url: str, key: str) -> str:
    return _CURL.format(url=url, key=key)


def ready(
    settings: Settings, demo: Demo, *, sign_in: str | None, redis: str, took_s: float
) -> None:
    """Print address, key and curl line; sign_in: a link that signs the operator in."""
    store = "SQLite" if settings.database_address.startswith(SQLITE_PREFIX) else "PostgreSQL"
    data_dir = _short(settings)
    click.echo()
    click.echo(
        "  "
        + click.style("Topup Gateway", bold=True)
        + click.style(f"  ready in {took_s:.1f} s", dim=True)
    )
    click.echo()
    _row("address", click.style(demo.url, fg="cyan", underline=True) + "  (a demo, and the docs)")
    _row("dashboard", f"{demo.url}/dashboard  ({demo.email}; its password is in {FILE_NAME})")
    if sign_in is not None:
        _row("sign in", click.style(sign_in, fg="cyan", underline=True))
        _row("", "as the operator: once, within ten minutes, on this machine")
    _row("staging key", click.style(demo.staging_key, fg="green"))
    _row("data", f"{data_dir}  ({store}, {redis}; credentials in {FILE_NAME})")
    if not settings.is_loopback:
        _row("open", "not only this machine: self-service keys and private webhooks are off")
    click.echo()
    click.secho("  Send the first top-up:", dim=True)
    click.echo()
    click.echo(curl_line(demo.url, demo.staging_key))
    click.echo()
    click.secho("  Ctrl-C stops everything.", dim=True)
    click.echo()


def supplied_by_wallet(platforms: Sequence[str]) -> None:
    click.secho(
        f"  live: {', '.join(platforms)} have no supplier; `topup dev` names `wallet` for them: what is"
        " sent stays in the recipients' wallets here and reaches no platform. docs/suppliers.md",
        fg="yellow",
        err=True,
    )


def late(seconds: float) -> None:
    click.echo(
        f"the gateway did not get ready within {seconds:.0f} s; the lines above say why", err=True
    )


def stopping() -> None:
    click.echo(err=True)
    click.secho("  stopping: finishing what is in flight (Ctrl-C again aborts)", dim=True, err=True)


def stopped(*, is_orderly: bool) -> None:
    words = "  stopped; nothing is left running" if is_orderly else "  aborted"
    click.secho(words, dim=True, err=True)


def _row(name: str, value: str) -> None:
    click.echo("  " + click.style(f"{name:<13}", dim=True) + value)


def _short(settings: Settings) -> str:
    try:
        return f"./{settings.data_dir.relative_to(settings.data_dir.cwd())}"
    except ValueError:
        return str(settings.data_dir)
