"""The column types that mean the same in both databases. SQLAlchemy takes 15 MB, so only `topup migrate`
imports this.
"""

import sqlalchemy as sa

from store.statement import POSTGRESQL

# Byte order, so that ids sort the same in any locale.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), POSTGRESQL)
BIGINT = sa.BigInteger()
BYTES = sa.LargeBinary()
