"""List rules whose SQL selects rows that contradict other columns or tables.

LINKS compares the account of each row with the account of the row that it names. Rules about top-ups are in
billing/ledger/audit_topups.py.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from billing.ledger.money import MICROS_PER_CENT, MICROS_PER_CREDIT
from billing.proof.check import ROWS_AT_ONCE, Broken, Place, Step
from kernel.clock import DAY_US
from store.database import Transaction

_OWN: Final = "{0}.account_id = :account_id AND {0}.environment = :environment"


def _own(name: str) -> str:
    return _OWN.format(name)


class RowRule(NamedTuple):
    says: str
    text: str


OF_ACCOUNTS: Final = (
    RowRule(
        "a dispute is what it takes of its order's payment, and ended with it",
        f"""SELECT d.id, r.amount AS expected, d.amount AS found
            FROM orders o
            JOIN disputes d ON d.order_id = o.id
            JOIN order_reversals r ON r.order_id = o.id AND r.key = d.id
            WHERE {_own("o")} AND d.is_inquiry = 0
              AND (r.amount <> 0 AND d.amount > r.amount
                    AND r.amount < o.pay_amount AND r.amount < COALESCE(o.paid_amount, o.pay_amount)
                OR (d.ended_at IS NULL) <> (r.status = 'open')
                OR r.status = 'open' AND d.status IN ('won', 'lost')
                OR r.status <> 'open' AND d.provider = 'stripe' AND d.status <> r.status)""",
    ),
    RowRule(
        "a page of the simulated provider asks for its order's price, and ended as the order did",
        f"""SELECT o.id, o.pay_amount AS expected, c.pay_amount AS found
            FROM orders o JOIN sandbox_checkouts c ON c.order_id = o.id
            WHERE {_own("o")}
              AND (c.pay_amount <> o.pay_amount AND (c.pay_amount <> 0 OR COALESCE(o.trial_days, 0) = 0)
                OR c.pay_currency <> o.pay_currency
                OR (c.outcome IS NULL) <> (c.ended_at IS NULL)
                OR COALESCE(c.outcome, 'paid') <> 'paid' AND o.payment_id = c.payment_id
                OR COALESCE(c.outcome, '') = 'failed' AND o.payment_id IS NULL
                    AND o.status NOT IN ('failed', 'expired', 'pending')
                OR COALESCE(c.outcome, '') = 'expired' AND o.payment_id IS NULL
                    AND o.status NOT IN ('expired', 'pending')
                OR COALESCE(c.outcome, '') = 'paid' AND o.kind <> 'subscription'
                    AND o.status <> 'pending'
                    AND o.payment_id IS NULL)""",
    ),
    RowRule(
        "a dispute is what it takes of its period's payment, and ended with it",
        f"""SELECT d.id, r.amount AS expected, d.amount AS found
            FROM orders o
            JOIN disputes d ON d.order_id = o.id
            JOIN subscriptions s ON s.order_id = o.id
            JOIN subscription_periods p ON p.subscription_id = s.id
            JOIN period_reversals r ON r.period_id = p.id AND r.key = d.id
            WHERE {_own("o")} AND d.is_inquiry = 0
              AND (r.amount <> 0 AND d.amount > r.amount AND r.amount < p.amount
                OR (d.ended_at IS NULL) <> (r.status = 'open')
                OR r.status = 'open' AND d.status IN ('won', 'lost')
                OR r.status <> 'open' AND d.provider = 'stripe' AND d.status <> r.status)""",
    ),
    RowRule(
        "what a dispute took of an order's payment has its dispute",
        f"""SELECT r.key AS id, r.amount AS expected, 0 AS found
            FROM orders o JOIN order_reversals r ON r.order_id = o.id AND r.kind = 'dispute'
            LEFT JOIN disputes d ON d.provider = o.provider AND d.environment = o.environment
                AND d.id = r.key
            WHERE {_own("o")} AND d.id IS NULL""",
    ),
    RowRule(
        "what a dispute took of a period's payment has its dispute",
        f"""SELECT r.key AS id, r.amount AS expected, 0 AS found
            FROM subscriptions s JOIN subscription_periods p ON p.subscription_id = s.id
            JOIN period_reversals r ON r.period_id = p.id AND r.kind = 'dispute'
            LEFT JOIN disputes d ON d.provider = s.provider AND d.environment = s.environment
                AND d.id = r.key
            WHERE {_own("s")} AND d.id IS NULL""",
    ),
    RowRule(
        "a dispute that was won or lost is over",
        f"""SELECT d.id, 1 AS expected, 0 AS found FROM disputes d
            WHERE {_own("d")} AND d.status IN ('won', 'lost') AND d.ended_at IS NULL""",
    ),
    RowRule(
        "what an app charged a user in a period is what its charges add up to",
        f"""SELECT g.id, 0 AS expected, w.spent_micros AS found
            FROM oauth_grants g JOIN spend_windows w ON w.key_id = g.id
            JOIN account_environments e ON e.account_id = g.account_id
                AND e.environment = g.environment AND e.clock_ahead_us = 0
            WHERE {_own("g")} AND w.period = 'day' AND w.spent_micros <> COALESCE((
                SELECT SUM(c.amount_micros) FROM oauth_charges c
                WHERE c.account_id = g.account_id AND c.environment = g.environment
                  AND c.grant_id = g.id AND c.created_at >= w.window_start_at
                  AND c.created_at < w.window_start_at + {DAY_US}), 0)""",
    ),
    RowRule(
        "what an app charged a user in a month is what its days add up to",
        f"""SELECT g.id, 1 AS expected, 0 AS found
            FROM oauth_grants g
            WHERE {_own("g")} AND
                (SELECT COALESCE(SUM(w.spent_micros), 0) FROM spend_windows w
                    WHERE w.key_id = g.id AND w.period = 'day')
                <> (SELECT COALESCE(SUM(w.spent_micros), 0) FROM spend_windows w
                    WHERE w.key_id = g.id AND w.period = 'month')""",
    ),
    RowRule(
        "a charge of a saved card has the outcome of its order",
        f"""SELECT o.id, 1 AS expected, 0 AS found
            FROM orders o JOIN sandbox_charges c ON c.order_id = o.id
            WHERE {_own("o")} AND o.status <> 'pending'
              AND CASE c.outcome WHEN 'paid' THEN o.payment_id IS NULL
                  ELSE COALESCE(o.payment_id, '') = c.ref END""",
    ),
    RowRule(
        "a recharge charges what its order sells",
        f"""SELECT o.id, o.amount AS expected, c.amount_cents AS found
            FROM orders o JOIN recharge_charges c ON c.order_id = o.id
            WHERE {_own("o")} AND c.amount_cents <> o.amount""",
    ),
    RowRule(
        "an account is watched for the fall that its recharge waits for",
        f"""SELECT e.account_id AS id, COALESCE(e.recharge_below_micros, 0) AS found,
                COALESCE(r.below_cents, 0) * {MICROS_PER_CENT} AS expected
            FROM account_environments e
            LEFT JOIN recharges r ON r.account_id = e.account_id AND r.environment = e.environment
                AND r.disabled_reason IS NULL
            WHERE {_own("e")}
              AND (COALESCE(e.recharge_below_micros, 0)
                    <> COALESCE(r.below_cents, 0) * {MICROS_PER_CENT}
                OR COALESCE(e.recharge_from_micros, 0)
                    NOT IN (0, COALESCE(r.below_cents, 0) * {MICROS_PER_CENT}))""",
    ),
    RowRule(
        "a part of a plan's credit gave all that it was to give, once",
        f"""SELECT g.id, g.credits_micros AS expected, g.granted_micros AS found
            FROM plan_grants g
            WHERE {_own("g")}
              AND (g.granted_at IS NOT NULL AND g.granted_micros <> g.credits_micros
                OR g.granted_at IS NULL AND g.granted_micros <> 0)""",
    ),
    RowRule(
        "what was taken back of a part came out of its ledger account",
        f"""SELECT s.id, SUM(s.expected) AS expected, SUM(s.found) AS found FROM (
                SELECT g.id, g.reversed_micros AS expected, 0 AS found FROM plan_grants g
                WHERE {_own("g")} AND g.expires <> 'never'
                UNION ALL
                SELECT g.id, 0, CASE WHEN t.debit_id = l.id THEN t.amount_micros
                    ELSE -t.amount_micros END
                FROM plan_grants g
                JOIN ledger_accounts l ON l.account_id = g.account_id
                    AND l.environment = g.environment AND l.kind = 'grant' AND l.name = g.id
                JOIN subscription_periods p ON p.account_id = g.account_id
                    AND p.environment = g.environment
                JOIN transfers t ON t.subject_id = p.id AND (t.debit_id = l.id OR t.credit_id = l.id)
                WHERE {_own("g")} AND g.expires <> 'never'
                  AND t.code IN ('purchase_reversal', 'reversal_undone')
            ) AS s GROUP BY s.id HAVING SUM(s.expected) <> SUM(s.found)""",
    ),
    RowRule(
        "a subscription that lives was paid, and one that ended says when",
        f"""SELECT s.id, 1 AS expected, 0 AS found FROM subscriptions s
            WHERE {_own("s")}
              AND ((s.ended_at IS NULL) = (s.status IN ('cancelled', 'expired'))
                OR s.status IN ('active', 'past_due') AND s.paid_until_at IS NULL
                OR s.status = 'paused' AND s.paused_at IS NULL
                OR (s.next_amount IS NULL) <> (s.next_plan_id IS NULL)
                OR s.credits_micros % {MICROS_PER_CREDIT} <> 0
                OR s.trial_micros % {MICROS_PER_CREDIT} <> 0)""",
    ),
    RowRule(
        "what a person wants of a subscription is open until it ended, and has a plan only if it changes one",
        f"""SELECT w.id, 1 AS expected, 0 AS found FROM subscription_steers w
            WHERE {_own("w")}
              AND ((w.ended_at IS NULL) <> (w.status = 'asked')
                OR w.status IN ('refused', 'given_up') AND w.reason IS NULL
                OR w.status = 'done' AND w.reason IS NOT NULL
                OR (w.amount IS NULL) <> (w.act <> 'change'))""",
    ),
    RowRule(
        "an endpoint says since when it is disabled, and nothing else does",
        f"""SELECT e.id, 1 AS expected, 0 AS found FROM endpoints e
            WHERE {_own("e")} AND (e.disabled_at IS NULL) <> (e.status = 'enabled')""",
    ),
    RowRule(
        "a notice of a failing endpoint came no earlier than its stage",
        f"""SELECT n.id, 1 AS expected, 0 AS found FROM notices n
            WHERE {_own("n")}
              AND ((n.reason IS NULL) <> (n.stage <> 'disabled')
                OR n.created_at - n.failing_since_at < CASE n.stage
                    WHEN 'failing_for_a_day' THEN {DAY_US}
                    WHEN 'failing_for_four_days' THEN {4 * DAY_US} ELSE 0 END)""",
    ),
    RowRule(
        "an item of a bulk send is in a state that its batch allows",
        f"""SELECT b.id, 1 AS expected, 0 AS found
            FROM batches b JOIN batch_items i ON i.batch_id = b.id
            LEFT JOIN topups p ON p.id = i.transaction_id
            WHERE {_own("b")}
              AND (i.state IN ('waiting', 'reserved') AND b.status IN ('completed', 'refused', 'running')
                OR i.state = 'accepted' AND (p.id IS NULL OR i.refusal IS NOT NULL)
                OR i.state = 'refused' AND i.refusal IS NULL
                OR i.state = 'dropped' AND (i.refusal IS NOT NULL OR b.is_all_or_nothing = 0))""",
    ),
    RowRule(
        "a bulk send has as many items as it was made with",
        f"""SELECT b.id, b.items AS expected, COUNT(i.number) AS found
            FROM batches b LEFT JOIN batch_items i ON i.batch_id = b.id
            WHERE {_own("b")} GROUP BY b.id, b.items HAVING COUNT(i.number) <> b.items""",
    ),
    RowRule(
        "a bulk send's items are top-ups of its own account",
        f"""SELECT b.id, 1 AS expected, 0 AS found
            FROM batches b JOIN batch_items i ON i.batch_id = b.id
            JOIN topups p ON p.id = i.transaction_id
            WHERE {_own("b")} AND (p.account_id <> b.account_id OR p.environment <> b.environment)
            GROUP BY b.id""",
    ),
    RowRule(
        "an order that claims a coupon has its use",
        f"""SELECT o.id, 1 AS expected, 0 AS found
            FROM orders o LEFT JOIN coupon_uses u ON u.coupon_id = o.coupon_id AND u.order_id = o.id
            WHERE {_own("o")} AND o.coupon_id IS NOT NULL AND u.order_id IS NULL
              AND o.status NOT IN ('failed', 'expired')""",
    ),
    RowRule(
        "an order of a plan has its subscription",
        f"""SELECT o.id, 1 AS expected, 0 AS found
            FROM orders o LEFT JOIN subscriptions s ON s.order_id = o.id
            WHERE {_own("o")} AND o.kind = 'subscription' AND s.id IS NULL""",
    ),
    RowRule(
        "an app's grant has the cap that its code was made with",
        f"""SELECT g.id, c.cap_micros AS expected, g.cap_micros AS found
            FROM oauth_grants g JOIN oauth_codes c ON c.grant_id = g.id
            WHERE {_own("g")} AND c.account_id = g.account_id AND c.cap_micros <> g.cap_micros
              AND c.used_at >= g.consented_at""",
    ),
    RowRule(
        "the simulated provider bills what its order and its plan cost, and nothing once it ended",
        f"""SELECT b.ref AS id, s.amount AS expected, b.amount AS found
            FROM orders o JOIN sandbox_subscriptions b ON b.order_id = o.id
            LEFT JOIN subscriptions s ON s.order_id = o.id AND s.product_ref = b.product_ref
            WHERE {_own("o")}
              AND ((b.next_at IS NULL) <> (b.status = 'ended')
                OR b.first_amount <> o.pay_amount OR b.amount <> s.amount
                OR (b.next_amount IS NULL) <> (b.next_product_ref IS NULL))""",
    ),
)
OF_ENVIRONMENTS: Final = (
    RowRule(
        "what is in the ledger is of an account with its environment",
        """SELECT l.account_id AS id, 1 AS expected, 0 AS found FROM ledger_accounts l
            WHERE l.environment = :environment AND :account_id = ''
              AND NOT EXISTS (SELECT 1 FROM account_environments e
                  JOIN accounts a ON a.id = e.account_id
                  WHERE e.account_id = l.account_id AND e.environment = l.environment)
            GROUP BY l.account_id""",
    ),
    RowRule(
        "a code in stock is of a kind that has a level, and one that went out is worth its top-up",
        """SELECT c.id, COALESCE(p.amount_cents, 0) AS expected, c.amount_cents AS found
            FROM stock_codes c
            LEFT JOIN topups p ON p.id = c.transaction_id
            LEFT JOIN stock_levels l ON l.environment = c.environment AND l.supplier = c.supplier
                AND l.platform = c.platform AND l.amount_cents = c.amount_cents
            WHERE c.environment = :environment AND :account_id = ''
              AND (l.amount_cents IS NULL OR (c.transaction_id IS NULL) <> (c.taken_at IS NULL)
                OR p.amount_cents <> c.amount_cents)""",
    ),
    RowRule(
        "a held invoice would grant whole credits",
        f"""SELECT h.invoice_id AS id, 0 AS expected, h.credits_micros % {MICROS_PER_CREDIT} AS found
            FROM held_invoices h
            WHERE h.environment = :environment AND :account_id = ''
              AND h.credits_micros % {MICROS_PER_CREDIT} <> 0""",
    ),
    RowRule(
        "a coupon is used as often as orders claim it",
        """SELECT c.id, COUNT(u.order_id) AS expected, c.used_count AS found
            FROM coupons c LEFT JOIN coupon_uses u ON u.coupon_id = c.id
            WHERE c.environment = :environment AND :account_id = ''
            GROUP BY c.id, c.used_count HAVING COUNT(u.order_id) > c.used_count
                OR :environment = 'live' AND COUNT(u.order_id) <> c.used_count""",
    ),
    RowRule(
        "a redemption code is used as often as accounts redeemed it",
        """SELECT c.id, COUNT(r.id) AS expected, c.used_count AS found
            FROM redemption_codes c LEFT JOIN code_redemptions r ON r.code_id = c.id
            WHERE c.environment = :environment AND :account_id = ''
            GROUP BY c.id, c.used_count HAVING COUNT(r.id) > c.used_count
                OR :environment = 'live' AND COUNT(r.id) <> c.used_count""",
    ),
    RowRule(
        "a batch of redemption codes has as many as were made",
        """SELECT b.id, b.code_count AS expected, COUNT(c.id) AS found
            FROM redemption_batches b LEFT JOIN redemption_codes c ON c.batch_id = b.id
            WHERE b.environment = :environment AND :account_id = ''
            GROUP BY b.id, b.code_count HAVING COUNT(c.id) <> b.code_count""",
    ),
    RowRule(
        "a document is of a series that counts it",
        """SELECT d.id, d.sequence AS expected, 0 AS found
            FROM billing_documents d
            LEFT JOIN document_series s ON s.environment = d.environment AND s.series = d.series
            WHERE d.environment = :environment AND :account_id = '' AND s.series IS NULL""",
    ),
    RowRule(
        "a code gave what its batch says",
        """SELECT r.id, b.credits_micros AS expected, r.credits_micros AS found
            FROM redemption_batches b
            JOIN redemption_codes c ON c.batch_id = b.id
            JOIN code_redemptions r ON r.code_id = c.id
            WHERE b.environment = :environment AND :account_id = ''
              AND r.credits_micros <> b.credits_micros""",
    ),
    RowRule(
        "a day's check-ins awarded what they add up to",
        f"""SELECT CAST(s.day AS TEXT) AS id, SUM(s.expected) AS expected, SUM(s.found) AS found FROM (
                SELECT day_start_at AS day, 0 AS expected, awarded_micros AS found FROM checkin_days
                WHERE environment = :environment AND :account_id = ''
                UNION ALL
                SELECT created_at - created_at % {DAY_US}, awarded_micros, 0 FROM checkins
                WHERE environment = :environment
            ) AS s GROUP BY s.day HAVING SUM(s.expected) > SUM(s.found)
                OR :environment = 'live' AND SUM(s.expected) <> SUM(s.found)
                OR (SUM(s.found) - SUM(s.expected)) % {MICROS_PER_CREDIT} <> 0""",
    ),
)


class RowCheck:
    def __init__(self, rule: RowRule) -> None:
        self._rule = rule

    @property
    def rules(self) -> Sequence[str]:
        return (self._rule.says,)

    async def step(self, tx: Transaction, at: Place) -> Step:
        rows = await tx.fetch(
            f"""SELECT x.id, x.expected, x.found FROM ({self._rule.text}) AS x
                WHERE x.id > :after ORDER BY x.id LIMIT {ROWS_AT_ONCE}""",
            **at.tenant._asdict(),
            after=at.after,
        )
        broken = [
            Broken(self._rule.says, row["id"], int(row["expected"] or 0), int(row["found"] or 0))
            for row in rows
        ]
        return Step(broken, str(rows[-1]["id"]) if len(rows) == ROWS_AT_ONCE else None)


LINKS_AT_ONCE: Final = 5_000


class Link(NamedTuple):
    """A column with the ID of a row in another table, the owner. `keys` is the primary key of the column's table.

    An owner that is shared may belong to another account or to none. `unless` is SQL for exceptions, in which `r` is
    the row and `o0` the owner.
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
    # A notification signed with a staging secret may name a live order. It is refused, but its row stays.
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

    async def step(self, tx: Transaction, at: Place) -> Step:
        values: list[Any] = msgspec.json.decode(at.after) if at.after else []
        named = {f"after{number}": value for number, value in enumerate(values)}
        rows = await tx.fetch(_statement(self._link, is_first=not at.after), **named)
        broken: list[Broken] = []
        for row in rows:
            if row["is_broken"] and row["seen_in"] in {at.tenant.environment, None}:
                name = " ".join(str(row[f"key{n}"]) for n in range(len(self._link.keys)))
                broken.append(Broken(self._link.says, name, 1, 0))
        if len(rows) < LINKS_AT_ONCE:
            return Step(broken, None)
        last = [rows[-1][f"key{number}"] for number in range(len(self._link.keys))]
        return Step(broken, msgspec.json.encode(last).decode())


def _statement(link: Link, *, is_first: bool) -> str:
    """Return SQL that selects the next rows and marks those that break the rule.

    Rows of a sandbox that is being erased are never reported.
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
        ORDER BY {order} LIMIT {LINKS_AT_ONCE}"""
