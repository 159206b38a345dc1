"""A settlement settles one machine payment.

Of payments that one settlement settled before, the later ones' name says which they are, so that an operator
can look them up.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import TEXT

revision = "0078"
down_revision = "0077"
branch_labels = None
depends_on = None
oldest_code = "0077"


def upgrade() -> None:
    columns = ("id", "environment", "settlement", "settled_at")
    payments = sa.table("machine_payments", *(sa.column(name, TEXT) for name in columns))
    earlier = payments.alias("earlier")
    is_repeated = sa.exists().where(
        earlier.c.settlement == payments.c.settlement,
        earlier.c.environment == payments.c.environment,
        earlier.c.settled_at.is_not(None),
        earlier.c.id < payments.c.id,
    )
    op.execute(
        payments.update()
        .where(payments.c.settled_at.is_not(None), is_repeated)
        .values(settlement=payments.c.settlement.concat(":repeated:").concat(payments.c.id))
    )
    is_settled = sa.text("settled_at IS NOT NULL")
    op.create_index(
        "ux_machine_payments_settlement",
        "machine_payments",
        ["settlement", "environment"],
        unique=True,
        sqlite_where=is_settled,
        postgresql_where=is_settled,
    )
