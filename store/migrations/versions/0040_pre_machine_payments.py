"""Payments that come with the request they pay for: x402, and shared payment tokens.

Additive. A process of before answers no such request, and leaves their rows alone.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None
oldest_code = "0011"


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=null)


def _int(name: str, *, null: bool = True) -> sa.Column[int]:
    return sa.Column(name, BIGINT, nullable=null)


def _counter(name: str) -> sa.Column[int]:
    return sa.Column(name, BIGINT, nullable=False, server_default="0")


def upgrade() -> None:
    op.create_table(
        "machine_payments",
        sa.Column("id", TEXT, primary_key=True),
        *(_text(name) for name in ("account_id", "environment")),
        _text("spent_by", null=True),
        *(_text(name) for name in ("door", "payment_ref", "identifier", "body_digest", "request")),
        *(_text(name) for name in ("network", "asset", "payer", "amount")),
        _int("charged_cents", null=False),
        _text("proof"),
        _text("transaction_id"),
        _int("expires_at", null=False),
        _int("created_at", null=False),
        _text("state"),
        _text("settlement", null=True),
        _text("detail", null=True),
        _counter("asks"),
        _counter("is_lost"),
        _int("lease_until"),
        _int("next_ask_at"),
        _text("refund_code", null=True),
        _text("refund_code_hint", null=True),
        _int("settled_at"),
        _int("ended_at"),
    )
    _index("ux_machine_payments_ref", ["environment", "door", "payment_ref"], unique=True)
    _index("ux_machine_payments_identifier", ["environment", "door", "identifier"], unique=True)
    _index("ix_machine_payments_account", ["account_id", "environment", "id"])
    _index("ix_machine_payments_environment", ["environment", "id"])
    _index("ix_machine_payments_due", ["next_ask_at"], where="next_ask_at IS NOT NULL")
    _index("ix_machine_payments_open", ["environment", "state", "id"], where="ended_at IS NULL")


def _index(
    name: str, columns: list[str], *, where: str | None = None, unique: bool = False
) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(
        name,
        "machine_payments",
        columns,
        unique=unique,
        sqlite_where=condition,
        postgresql_where=condition,
    )
