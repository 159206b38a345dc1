"""Receipts and credit notes are rows, numbered in the order of payments; a buyer's name and address too.

Additive: a process of before settles payments without them, and the next one numbers those as well.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None
oldest_code = "0011"

_UNNOTED = "refunded_amount <> noted_amount"
# The table, what it was paid at, and what of it has no receipt yet.
_SOLD = (
    ("orders", "paid_at", "paid_at IS NOT NULL AND receipt_id IS NULL"),
    ("subscription_periods", "created_at", "receipt_id IS NULL"),
)
_TABLES = {
    "document_series": (
        ("environment", "series"),
        (("environment", TEXT), ("series", TEXT), ("last_number", BIGINT)),
    ),
    "billing_details": (
        ("account_id",),
        (
            ("account_id", TEXT),
            ("name", TEXT),
            ("address", TEXT),
            ("tax_id", TEXT),
            ("updated_at", BIGINT),
        ),
    ),
    "payment_breakdowns": (
        ("provider", "environment", "payment_id"),
        (
            ("provider", TEXT),
            ("environment", TEXT),
            ("payment_id", TEXT),
            ("breakdown", TEXT),
            ("created_at", BIGINT),
        ),
    ),
    "payment_fees": (
        ("owner_id",),
        (
            ("owner_id", TEXT),
            ("account_id", TEXT),
            ("environment", TEXT),
            ("provider", TEXT),
            ("payment_id", TEXT),
            ("amount", BIGINT),
            ("currency", TEXT),
            ("paid_at", BIGINT),
            ("kept_at", BIGINT),
        ),
    ),
    "billing_documents": (
        ("id",),
        (
            ("id", TEXT),
            ("account_id", TEXT),
            ("environment", TEXT),
            ("kind", TEXT),
            ("series", TEXT),
            ("sequence", BIGINT),
            ("number", TEXT),
            ("subject_id", TEXT),
            ("order_id", TEXT),
            ("subscription_id", None),
            ("amount", BIGINT),
            ("currency", TEXT),
            ("facts", TEXT),
            ("dated_at", BIGINT),
            ("created_at", BIGINT),
        ),
    ),
}


def upgrade() -> None:
    for table, paid_at, unnumbered in _SOLD:
        op.add_column(table, sa.Column("receipt_id", TEXT, nullable=True))
        op.add_column(
            table, sa.Column("noted_amount", BIGINT, nullable=False, server_default=sa.text("0"))
        )
        for name, columns, where in (
            (f"ix_{table}_unnumbered", ["environment", paid_at, "id"], unnumbered),
            (f"ix_{table}_unnoted", ["environment", "id"], _UNNOTED),
        ):
            op.create_index(
                name,
                table,
                columns,
                sqlite_where=sa.text(where),
                postgresql_where=sa.text(where),
            )
    for table, (key, made) in _TABLES.items():
        op.create_table(
            table,
            *(sa.Column(name, kind or TEXT, nullable=kind is None) for name, kind in made),
            sa.PrimaryKeyConstraint(*key),
        )
    for name, table, columns, is_unique in (
        ("ux_billing_documents_number", "billing_documents", ["environment", "number"], True),
        (
            "ux_billing_documents_series",
            "billing_documents",
            ["environment", "series", "sequence"],
            True,
        ),
        (
            "ix_billing_documents_account",
            "billing_documents",
            ["account_id", "environment", "id"],
            False,
        ),
        ("ix_billing_documents_subject", "billing_documents", ["subject_id", "id"], False),
        ("ix_billing_documents_order", "billing_documents", ["order_id", "id"], False),
        ("ix_payment_fees_account", "payment_fees", ["account_id"], False),
        ("ix_payment_fees_paid", "payment_fees", ["environment", "paid_at"], False),
    ):
        op.create_index(name, table, columns, unique=is_unique)
