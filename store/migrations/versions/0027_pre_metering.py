"""Usage by tokens: price lists with their versions, what a record was priced from, and sums by day.

Additive. A process of before writes usage, captured holds and charges without `counted_day`: the partial
indexes find those, reads add them to the sums, and a worker counts them. It knows nothing of what a
hold was captured above its amount, which is a transfer of its own.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None
oldest_code = "0011"

_TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "price_version", "counted_day")
_CAPTURED = "status = 'captured'"
# True of every row, and said by the statements of the list alone: without figures of the table the
# planner takes the index for a probe by reference, too, and reads all that the account ever did.
_EVERY = "created_at > 0"
# Of each table: the rows of the new index of its list, and those that are not counted yet.
_LISTED = (
    ("usage_records", _EVERY, "counted_day IS NULL"),
    ("holds", f"{_EVERY} AND {_CAPTURED}", f"{_CAPTURED} AND counted_day IS NULL"),
    ("oauth_charges", _EVERY, "counted_day IS NULL"),
)


def upgrade() -> None:
    for name in _TOKENS:
        op.add_column("usage_records", sa.Column(name, BIGINT, nullable=True))
        op.add_column("holds", sa.Column(name, BIGINT, nullable=True))
    op.add_column("holds", sa.Column("overage", TEXT, nullable=True))
    op.add_column("holds", sa.Column("over_micros", BIGINT, nullable=True))
    op.add_column("oauth_charges", sa.Column("counted_day", BIGINT, nullable=True))
    for table, listed, uncounted in _LISTED:
        _index(f"ix_{table}_time", table, ["account_id", "environment", "created_at", "id"], listed)
        _index(f"ix_{table}_uncounted", table, ["account_id", "environment", "id"], uncounted)
    op.create_table(
        "price_lists",
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("version", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("environment"),
    )
    op.create_table(
        "usage_prices",
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("model", TEXT, nullable=False),
        sa.Column("version", BIGINT, nullable=False),
        sa.Column("input_micros", BIGINT, nullable=True),
        sa.Column("output_micros", BIGINT, nullable=True),
        sa.Column("cached_micros", BIGINT, nullable=True),
        sa.Column("changed_by", TEXT, nullable=False),
        sa.Column("changed_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("environment", "model", "version"),
    )
    op.create_table(
        "usage_days",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("day_start_at", BIGINT, nullable=False),
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("app_id", TEXT, nullable=False),
        sa.Column("model", TEXT, nullable=False),
        sa.Column("records", BIGINT, nullable=False),
        sa.Column("amount_micros", BIGINT, nullable=False),
        sa.Column("input_tokens", BIGINT, nullable=False),
        sa.Column("output_tokens", BIGINT, nullable=False),
        sa.Column("cached_tokens", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint(
            "account_id", "environment", "day_start_at", "key_id", "app_id", "model"
        ),
        postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02},
    )


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
