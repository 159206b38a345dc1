"""Define column types that work the same in both databases.

Only `topup migrate` imports this module, because SQLAlchemy takes 15 MB of memory.
"""

import sqlalchemy as sa

from store.statement import POSTGRESQL

# Texts are compared by their bytes, so that IDs have the same order in any locale.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), POSTGRESQL)
BIGINT = sa.BigInteger()
BYTES = sa.LargeBinary()
