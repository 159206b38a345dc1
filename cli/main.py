"""`topup`: find and run commands. Only this module turns their failures into messages and exit codes."""

import importlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any, cast

import click
from click.exceptions import NoSuchCommand

# This entry stops httpx from importing its own command line, which saves 3.2 MB in each process.
cast(dict[str, Any], sys.modules).setdefault("httpx._main", None)

# A command's module is imported when the command runs, so `topup --help` doesn't import the
# gateway.
GROUPS = {
    "Run it": {
        "dev": "Run everything embedded: SQLite, Redis, gateway and worker.",
        "serve": "Run the gateway in production, as one process or several on one port.",
        "worker": "Run workers in production.",
        "migrate": "Bring the database to the newest schema.",
    },
    "Who may call": {
        "accounts": "Tenants: create, list, show.",
        "team": "An account's colleagues: list, show, remove, end what they made.",
        "keys": "API keys: create, list, show, change, revoke.",
        "tokens": "System tokens (sat_) and operator tokens (adm_): create, list, revoke.",
        "apps": "OAuth apps: create, list, rotate, disable.",
    },
    "Use a gateway": {
        "login": "Get a key through the browser, or store an existing one.",
        "whoami": "Show the key in use, and what is left of its limits.",
        "send": "Send credit to a recipient.",
        "balance": "The account's balance, its statement, its recipients' wallets.",
        "topups": "Top-ups: send, list, show, cancel, reverse, resend.",
        "batches": "Bulk sends: send, list, show, cancel.",
        "usage": "Credit for AI usage: charge it, list what was used, add it up.",
        "holds": "Credit set aside for usage: place, show, capture, extend, release.",
        "vouchers": "Claims on credit in a recipient's wallet: redeem.",
        "approvals": "Sends that wait for a decision: list, show, approve, deny.",
        "documents": "Receipts, credit notes, and the billing details on them.",
        "sandbox": "Staging only: add test credit, advance the account's clock.",
        "trigger": "Trigger an event in staging with real calls.",
        "open": "Open a page of the dashboard.",
        "logout": "Remove a stored gateway and key.",
    },
    "Sell credit": {
        "packs": "Packs, fixed amounts of credit for sale: create, list, disable.",
        "plans": "Credit by the month or the year: create, list, set, disable.",
        "prices": "Prices of each model's tokens: list, set, import, history.",
        "coupons": "Coupons, which lower an order's price: create, list, disable.",
        "code-batches": "Redemption codes, made together: create, write, list, disable.",
        "codes": "Single redemption codes: list, show, disable, redeem.",
        "checkin": "Daily check-ins and what they award: show, set.",
        "providers": "Payment providers: list them, check their settings.",
        "subscriptions": "Plans that accounts have: list, show, end, resume, change.",
        "orders": "Purchases of credit: list, show, refund, and decide orders in review.",
        "refunds": "Refunds: list, show, decide.",
        "payments": "Machine payments without an account: list, show, check, decide.",
        "disputes": "Disputed payments, and the deadlines for evidence.",
    },
    "Deliver it": {
        "manual-review": "Top-ups that wait for a supplier or an operator: list, show, decide.",
        "platforms": "What credit can be sent to, and who supplies it.",
        "fees": "Fees added to a send's amount: list, set, clear.",
        "suppliers": "Suppliers of the credit: create, list, set, check.",
        "stock": "Codes that a supplier hands out: add, list, low.",
        "mail": "Mail to recipients: list, retry, stop, allow, erase.",
        "report": "Margin, revenue and outstanding credit.",
        "reconciliation": "Where provider, ledger and supplier differ: list, run, compare, close.",
    },
    "Webhooks": {
        "webhooks": "Webhooks: where an account's events are sent.",
        "events": "Events: list, show, follow live.",
        "deliveries": "The webhook delivery log: list, show, send again.",
        "replay": "Send an endpoint's deliveries of a period again.",
        "portal-links": "Links that show others an account's webhooks: create, list, show, revoke.",
        "listen": "Send an account's events to a port of this machine, signed.",
        "verify": "Check whether a received webhook is genuine.",
        "certify": "Test a webhook receiver for lost, repeated and forged events.",
    },
    "Look after it": {
        "audit": "Prove the ledger.",
        "audit-log": "The log of operators' acts: list.",
        "checkpoints": "The ledger's sealed days: list, show, verify, seal.",
        "verify-receipt": "Say what a top-up's receipt proves.",
        "backup": "Copy the database while everything keeps running.",
        "restore": "Replace the database with a copy.",
        "database": "The database's servers: which is used, and what a failover lost.",
        "vacuum": "Rewrite the SQLite file without its free space.",
        "doctor": "Check everything that this installation depends on.",
        "settings": "Print every setting with its source, secrets masked.",
        "completion": "Print the lines that complete `topup` in a shell.",
    },
}
COMMANDS = {name: words for group in GROUPS.values() for name, words in group.items()}
# Groups whose commands are the ACTS of the listed modules. module:NAME stands for another tuple of acts, or for one
# act. Frequent commands come first.
ACTS = {
    "reconciliation": ("billing.reconciliation.acts",),
    "prices": ("billing.usage.price_acts",),
    "report": ("billing.reports.report_acts",),
    "subscriptions": ("billing.reports.subscription_acts",),
    "deliveries": ("webhooks.delivery_log.acts",),
    "balance": (
        "billing.reports.balance_acts",
        "billing.reports.balance_acts:CREDITS",
        "billing.reports.attributed_statement:STATEMENT",
    ),
    "topups": (
        "billing.topups.acts",
        "billing.topups.send_acts",
        "billing.fulfilment.reversal_acts:REVERSE",
        "billing.recipients.mail_acts:RESEND",
        "billing.reports.topup_receipt:RECEIPT",
    ),
    "batches": ("billing.bulk.acts:COMMANDS",),
    "usage": ("billing.usage.usage_acts:CHARGE", "billing.reports.usage_acts"),
    "approvals": ("billing.topups.approval_acts",),
    "holds": ("billing.usage.hold_acts",),
    "vouchers": ("billing.topups.voucher_redemption:REDEEM",),
    "documents": ("billing.documents.acts",),
    "sandbox": ("billing.credits.sandbox_acts",),
    "packs": ("billing.catalog.pack_acts",),
    "plans": ("billing.catalog.plan_acts",),
    "coupons": ("billing.catalog.coupon_acts",),
    "codes": ("billing.credits.code_acts:CODE_ACTS",),
    "checkin": ("billing.credits.checkin",),
    "orders": (
        "billing.orders.acts",
        "billing.payments.order_acts",
        "billing.refunds.acts:REFUND_ORDER",
        "billing.payments.order_acts:CREATE_ORDER",
    ),
    "refunds": ("billing.refunds.acts",),
    "payments": ("billing.machine_payments.acts",),
    "providers": ("billing.payments.provider_acts",),
    "disputes": ("billing.payments.disputes",),
    "mail": ("billing.recipients.mail_acts",),
    "platforms": ("billing.fulfilment.platform_acts",),
    "fees": ("billing.fulfilment.fee_acts",),
    "suppliers": ("billing.manual_review.supplier_acts",),
    "stock": ("billing.fulfilment.stock_acts",),
    "manual-review": ("billing.manual_review.acts",),
    "webhooks": (
        "webhooks.endpoints.acts",
        "webhooks.endpoints.health_acts",
        "webhooks.delivery_log.acts:TEST",
        "webhooks.certification.acts",
    ),
    "portal-links": ("webhooks.endpoints.portal_acts",),
    "apps": ("keys.oauth.acts",),
    "team": ("billing.team.acts",),
    "keys": ("keys.api_keys.acts", "billing.reports.key_limit_acts:SHOW_TREE"),
    "tokens": ("keys.tokens.acts:OPERATOR_ACTS",),
    "audit-log": ("keys.audit_acts:LIST_ACTS",),
    "accounts": (
        "billing.accounts.acts",
        "billing.accounts.people_acts",
        "billing.reports.key_limit_acts:ACCOUNT_LIMIT_ACTS",
        "keys.audit_acts:LIST_ENTRIES",
        "billing.credits.adjustment:ADJUST_CREDIT",
        "billing.payments.recharging.acts",
    ),
}
FOLDERS = {
    "server": {
        *("dev", "serve", "worker", "migrate"),
        *("backup", "restore", "database", "vacuum", "doctor", "settings", "checkpoints"),
        *("audit", "code-batches"),
    },
    "client": {
        *("login", "logout", "whoami", "send"),
        *("events", "replay", "trigger", "open"),
        *("listen", "verify", "certify", "verify-receipt"),
    },
}


def _module_of(command: str) -> str:
    folders = [f".{folder}" for folder, commands in FOLDERS.items() if command in commands]
    return f"cli{''.join(folders)}.{command.replace('-', '_')}"


def _acts_at(place: str) -> Sequence[Any]:
    module, _, name = place.partition(":")
    found = getattr(importlib.import_module(module), name or "ACTS")
    return found if isinstance(found, tuple) else (found,)


def _command_of(command: str) -> click.Command:
    if command in ACTS:
        from cli.acts.command import group_of  # noqa: PLC0415 few commands need it

        acts = (act for place in ACTS[command] for act in _acts_at(place))
        return group_of(command, COMMANDS[command], acts)
    module, name = importlib.import_module(_module_of(command)), command.replace("-", "_")
    # If a command's name is that of a builtin, its function's name ends with an underscore.
    return cast(click.Command, getattr(module, name, None) or getattr(module, f"{name}_"))


class _Commands(click.Group):
    """Find each command in the module of the same name, and report the command's expected failures."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        return _command_of(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand as error:
            # Click would suggest only loaded commands, but none are loaded.
            raise NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        width = max(map(len, COMMANDS))
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, text in commands.items()])

    def invoke(self, ctx: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        # Commands print server problems themselves. Gateways and workers log them.
        logging.getLogger("store.postgresql.servers").addHandler(logging.NullHandler())
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            # Click handles its own errors and a closed pipe.
            raise
        except Exception as error:
            from cli import failures  # noqa: PLC0415 commands over HTTP run without what it knows

            told = failures.report(error)
            if told is None:
                raise
            raise told from None


def _show_version(ctx: click.Context, _: click.Parameter, is_asked: object) -> None:
    if is_asked:
        from kernel import version  # noqa: PLC0415 it reads the installed package's metadata

        click.echo(f"topup, version {version.running()}")
        ctx.exit()


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Begin with:
  topup dev                 everything on this machine, a key and a line to paste
  topup COMMAND --help      what a command does, with examples
\b
Exit codes:
  0  done
  1  refused, or something was found (audit, doctor, verify)
  2  wrong usage or settings
  3  the database, Redis or the gateway cannot be reached
  10 to 46  what keeps the database from being used: docs/cli.md has the table
""",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Sell and move prepaid AI credit: one call, one ledger transaction, one signed webhook.

    Results go to standard output, everything else to standard error. --json prints JSON.
    """
    if ctx.invoked_subcommand is None:
        from cli.next_steps import show_next_steps  # noqa: PLC0415 other commands run without it

        show_next_steps()
