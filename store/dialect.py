"""The column types that mean the same in both databases, for the schema and its migrations.

Nothing that serves or works imports this: SQLAlchemy is 15 MB, and only `topup migrate` needs it.
"""

import sqlalchemy as sa

from store.statement import POSTGRESQL

# Byte order, so that text order is id order whatever the database's locale.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), POSTGRESQL)
BIGINT = sa.BigInteger()
BYTES = sa.LargeBinary()
