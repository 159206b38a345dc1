"""Compare each row's account with that of the row it names, such as a refund with its order.

A test derives LINKS from the schema. Top-ups' rows are in billing/ledger/audit_topups.py.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from billing.proof.check import Broken, Step
from kernel.tenant import Tenant
from store.database import Transaction

ROWS_AT_ONCE: Final = 5_000


class Link(NamedTuple):
    """A column that names an owner's row. `keys`: the primary key of the column's table.

    A shared owner may belong to another account or to none. unless: a condition on row `r` and owner `o0`
    under which all is well.
    """

    table: str
    keys: Sequence[str]
    column: str
    owners: Sequence[str]
    is_shared: bool = False
    has_account: bool = True
    has_environment: bool = True
    unless: str = ""

    @property
    def says(self) -> str:
        if self.is_shared:
            return f"each row of {self.table} has its row of {' or '.join(self.owners)}"
        return (
            f"each row of {self.table} is of the account of its row of {' or '.join(self.owners)}"
        )


def _links(owner: str, *columns: str, **more: Any) -> Sequence[Link]:
    found = []
    for each in columns:
        name, *keys = each.split()
        table, _, column = name.partition(".")
        found.append(Link(table, tuple(keys) or ("id",), column, tuple(owner.split()), **more))
    return found


LINKS: Final[Sequence[Link]] = (
    *_links(
        "orders",
        "billing_documents.order_id",
        "disputes.order_id provider environment id",
        "order_reversals.order_id order_id key",
        "provider_objects.order_id provider environment object_id",
        "recharge_charges.order_id order_id",
        "refunds.order_id",
        "sandbox_charges.order_id order_id",
        "sandbox_checkouts.order_id token",
        "sandbox_subscriptions.order_id ref",
        "subscriptions.order_id",
        "uncredited_payments.order_id",
    ),
    *_links("orders", "coupon_uses.order_id coupon_id order_id", has_environment=False),
    # A staging secret's notification may name a live order: it is refused and stays where it came.
    *_links(
        "orders",
        "provider_events.order_id provider environment event_id",
        unless="r.outcome = 'refused' AND o0.account_id = r.account_id",
    ),
    *_links(
        "subscriptions",
        "billing_documents.subscription_id",
        "held_invoices.subscription_id provider environment invoice_id",
        "plan_grants.subscription_id",
        "subscription_objects.subscription_id provider environment object_id",
        "subscription_periods.subscription_id subscription_id period_start_at",
        "subscription_steers.subscription_id",
    ),
    *_links(
        "subscription_periods",
        "period_reversals.period_id period_id key",
        "plan_grants.period_id",
    ),
    *_links(
        "orders subscription_periods",
        "billing_documents.subject_id",
        "payment_fees.owner_id owner_id",
    ),
    *_links("orders subscription_periods uncredited_payments", "refunds.owner_id"),
    *_links("uncredited_payments", "uncredited_reversals.payment_id payment_id key"),
    *_links(
        "billing_documents",
        "orders.receipt_id",
        "subscription_periods.receipt_id subscription_id period_start_at",
    ),
    *_links(
        "api_keys", "access_tokens.key_id", "api_keys.parent_id", "authorization_grants.key_id"
    ),
    *_links("api_keys", "api_key_secrets.key_id digest", has_environment=False),
    *_links(
        "endpoints",
        "endpoint_queue.endpoint_id endpoint_id",
        "notices.endpoint_id",
        "replays.endpoint_id",
    ),
    *_links(
        "oauth_grants",
        "oauth_charges.grant_id",
        "oauth_codes.grant_id digest",
        "oauth_tokens.grant_id",
    ),
    *_links(
        "authorization_grants",
        "authorization_codes.grant_id digest",
        "authorization_tokens.grant_id digest",
    ),
    *_links("ledger_accounts", "expiry_notices.ledger_account_id ledger_account_id days_before"),
    *_links("coupons", "orders.coupon_id", is_shared=True),
    *_links(
        "coupons", "coupon_uses.coupon_id coupon_id order_id", is_shared=True, has_environment=False
    ),
    *_links("redemption_codes", "code_redemptions.code_id code_id account_id", is_shared=True),
    *_links("redemption_batches", "redemption_codes.batch_id", is_shared=True, has_account=False),
)


class LinkCheck:
    def __init__(self, link: Link) -> None:
        self._link = link

    @property
    def rules(self) -> Sequence[str]:
        return (self._link.says,)

    async def step(
        self,
        tx: Transaction,
        tenant: Tenant,
        *,
        after: str,
        since_us: int,  # noqa: ARG002 a row can be moved by hand whenever it was made
    ) -> Step:
        values: list[Any] = msgspec.json.decode(after) if after else []
        named = {f"after{number}": value for number, value in enumerate(values)}
        rows = await tx.fetch(_statement(self._link, is_first=not after), **named)
        broken: list[Broken] = []
        for row in rows:
            if row["is_broken"] and row["seen_in"] in {tenant.environment, None}:
                name = " ".join(str(row[f"key{n}"]) for n in range(len(self._link.keys)))
                broken.append(Broken(self._link.says, name, 1, 0))
        if len(rows) < ROWS_AT_ONCE:
            return Step(broken, None)
        last = [rows[-1][f"key{number}"] for number in range(len(self._link.keys))]
        return Step(broken, msgspec.json.encode(last).decode())


def _statement(link: Link, *, is_first: bool) -> str:
    """Build the statement that reads the next rows and whether each breaks the rule. A sandbox that is being
    erased breaks none.
    """
    keys = ", ".join(f"r.{key} AS key{number}" for number, key in enumerate(link.keys))
    order = ", ".join(f"r.{key}" for key in link.keys)
    places = ", ".join(f":after{number}" for number in range(len(link.keys)))
    names = [f"o{number}" for number in range(len(link.owners))]
    joins = " ".join(
        f"LEFT JOIN {owner} {name} ON {name}.id = r.{link.column}"
        for name, owner in zip(names, link.owners, strict=True)
    )

    def of_owner(column: str) -> str:
        columns = [f"{name}.{column}" for name in names]
        return columns[0] if len(columns) == 1 else f"COALESCE({', '.join(columns)})"

    broken = [f"{of_owner('id')} IS NULL"]
    if not link.is_shared:
        broken.append(f"{of_owner('account_id')} <> r.account_id")
        if link.has_environment:
            broken.append(f"{of_owner('environment')} <> r.environment")
    seen_in = "r.environment" if link.has_environment else of_owner("environment")
    is_erased = ""
    if link.has_account:
        is_erased = """AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.id = r.account_id
            AND a.is_sandbox = 1 AND a.erasing_at > a.last_active_at)"""
    excused = f"AND NOT COALESCE({link.unless}, FALSE)" if link.unless else ""
    return f"""
        SELECT {keys}, {seen_in} AS seen_in,
            CASE WHEN COALESCE(r.{link.column}, '') <> '' AND ({" OR ".join(broken)}) {excused} {is_erased}
                THEN 1 ELSE 0 END AS is_broken
        FROM {link.table} r {joins}
        {"" if is_first else f"WHERE ({order}) > ({places})"}
        ORDER BY {order} LIMIT {ROWS_AT_ONCE}"""
