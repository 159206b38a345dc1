"""Recharges: credit bought by itself when the balance falls, and several thresholds of balance.low.

Additive: a process of before takes part in no recharge. What it spends is no fall, and of the thresholds it
knows the highest; an order of a recharge that it settles credits, and the recharge goes on when a
process of now looks.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None
oldest_code = "0011"


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=null)


def _int(name: str, *, null: bool = False, default: int | None = None) -> sa.Column[int]:
    told = None if default is None else sa.text(str(default))
    return sa.Column(name, BIGINT, nullable=null, server_default=told)


def _index_of_some(name: str, table: str, column: str) -> None:
    is_there = sa.text(f"{column} IS NOT NULL")
    op.create_index(name, table, [column], sqlite_where=is_there, postgresql_where=is_there)


def upgrade() -> None:
    op.add_column("account_environments", _text("low_balance_more", null=True))
    op.add_column("account_environments", _int("recharge_below_micros", null=True))
    op.add_column("account_environments", _int("recharge_from_micros", null=True))
    op.add_column("account_environments", _text("recharge_order_id", null=True))
    _index_of_some("ix_account_environments_recharge", "account_environments", "recharge_order_id")
    op.add_column("orders", _text("origin", null=True))
    op.add_column("orders", _int("saves_payment", default=0))
    _recharges()
    _stand_in()


def _recharges() -> None:
    op.create_table(
        "recharges",
        *(_text(name) for name in ("account_id", "environment", "provider")),
        _int("is_stand_in", default=0),
        *(_text(name) for name in ("customer_ref", "method_ref", "brand", "last4")),
        *(_int(name) for name in ("below_cents", "amount_cents", "monthly_max_cents")),
        _int("failures", default=0),
        _text("off_reason", null=True),
        _int("retry_at", null=True),
        _int("changed_at"),
        sa.PrimaryKeyConstraint("account_id", "environment"),
    )
    _index_of_some("ix_recharges_retry", "recharges", "retry_at")
    op.create_table(
        "recharge_charges",
        *(_text(name) for name in ("order_id", "account_id", "environment", "month")),
        _int("amount_cents"),
        *(_text(name) for name in ("customer_ref", "method_ref", "method")),
        _int("sent_at", null=True),
        _int("next_at", null=True),
        _int("asked", default=0),
        _int("is_counted", default=1),
        _text("reason", null=True),
        _text("url", null=True),
        _int("created_at"),
        sa.PrimaryKeyConstraint("order_id"),
    )
    op.create_index(
        "ix_recharge_charges_month", "recharge_charges", ["account_id", "environment", "month"]
    )
    _index_of_some("ix_recharge_charges_due", "recharge_charges", "next_at")


def _stand_in() -> None:
    op.create_table(
        "sandbox_cards",
        *(_text(name) for name in ("ref", "account_id", "environment", "provider", "token")),
        _text("card", null=True),
        _text("success_url"),
        _int("created_at"),
        _int("removed_at", null=True),
        sa.PrimaryKeyConstraint("ref"),
    )
    op.create_index("ix_sandbox_cards_account", "sandbox_cards", ["account_id", "environment"])
    op.create_index("ux_sandbox_cards_token", "sandbox_cards", ["token"], unique=True)
    op.create_table(
        "sandbox_charges",
        *(_text(name) for name in ("order_id", "account_id", "environment", "ref", "outcome")),
        _int("created_at"),
        sa.PrimaryKeyConstraint("order_id"),
    )
