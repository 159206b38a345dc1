"""Plans' prices and products at their providers are rows, so another provider needs no columns.

Additive: a process of before goes on with the columns of plans. Those of now write both, and believe
the columns where the two differ: only a process of before can have written them alone. The release
after this one copies the columns once more, as below but over the rows of these two providers, and
drops them when no process of before runs any more.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import TEXT

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("stripe", "month", "stripe_price_id_monthly"),
    ("stripe", "year", "stripe_price_id_yearly"),
    ("creem", "month", "creem_product_id"),
    ("creem", "year", "creem_product_id_yearly"),
)


def upgrade() -> None:
    plan_products = op.create_table(
        "plan_products",
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("plan_id", TEXT, nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("interval", TEXT, nullable=False),
        sa.Column("ref", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("environment", "plan_id", "provider", "interval"),
    )
    for provider, interval, name in _COLUMNS:
        plans = sa.table("plans", sa.column("environment"), sa.column("id"), sa.column(name))
        ref = plans.c[name]
        of_now = sa.select(
            plans.c.environment, plans.c.id, sa.literal(provider), sa.literal(interval), ref
        ).where(ref.is_not(None))
        op.execute(
            plan_products.insert().from_select(
                ["environment", "plan_id", "provider", "interval", "ref"], of_now
            )
        )
