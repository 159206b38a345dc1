"""Codes that can be redeemed leave the database: top-ups, events and stored answers do without.

What a voucher's code is worked out from stays: the top-up's id. The codes that a fulfilment handed
over are not ours to work out, and the master key that would seal them is not known here: they are
blanked, and found again at the New API instance under the transaction's id, their name there.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_PAGE_ROWS = 1_000
_FIELD = b'"voucher_code":'
_WITH_CODE = _FIELD + b'"ATU-'
_CODE_CHARACTERS = 28  # ATU-XXXX-XXXX-XXXX-XXXX-XXXX
_HINT_AT, _HINT_CHARACTERS = 25, 4
_DELIVERY = ("event_id", "event_type", "code_at")
_TRANSACTION = b'"transaction_id":"'


def upgrade() -> None:
    op.add_column("topups", sa.Column("voucher_code_hint", TEXT, nullable=True))
    op.add_column("events", sa.Column("code_at", BIGINT, nullable=True))
    op.add_column("events", sa.Column("code_sealed", TEXT, nullable=True))
    op.add_column("deliveries", sa.Column("code_at", BIGINT, nullable=True))
    op.add_column("idempotency_keys", sa.Column("code_at", BIGINT, nullable=True))
    for name in ("include_codes", "had_codes"):
        flag = sa.Column(name, BIGINT, server_default=sa.text("0"), nullable=False)
        op.add_column("endpoints", flag)
    bind = op.get_bind()
    topups = _table("topups", "voucher_code", "voucher_code_hint", "fulfilment_code")
    bind.execute(
        topups.update()
        .where(topups.c.voucher_code.is_not(None))
        .values(
            voucher_code_hint=sa.func.substr(topups.c.voucher_code, _HINT_AT, _HINT_CHARACTERS),
            voucher_code=None,
            fulfilment_code=None,
        )
    )
    _blank_events(bind)
    _blank_answers(bind)
    # What was published before is sent on as it was, and to nowhere else without vouchers:read.
    events, deliveries = _table("events", "id", "code_at"), _table("deliveries", *_DELIVERY)
    at = sa.select(events.c.code_at).where(events.c.id == deliveries.c.event_id)
    bind.execute(
        deliveries.update()
        .where(deliveries.c.event_type == "topup.delivered")
        .values(code_at=at.scalar_subquery())
    )
    bind.execute(_table("endpoints", "had_codes").update().values(had_codes=1))


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column) for column in columns))


def _blank_events(bind: sa.Connection) -> None:
    """The code becomes null; at that place it is put in again, so the signed bytes stay."""
    events = _table("events", "id", "body", "code_at")
    for rows in _pages(bind, "events", ("id",), "type = 'topup.delivered' AND is_sample = 0"):
        for row in rows:
            id_, body = row.id, row.body
            found = body.find(_WITH_CODE)
            if found < 0:
                continue
            at = found + len(_FIELD)
            blank = body[:at] + b"null" + body[at + _CODE_CHARACTERS + 2 :]
            bind.execute(events.update().where(events.c.id == id_).values(body=blank, code_at=at))


def _blank_answers(bind: sa.Connection) -> None:
    """The code becomes the transaction's id. A redeemed voucher's is of no use and stays."""
    key = ("account_id", "environment", "digest")
    answers = _table("idempotency_keys", *key, "body", "code_at")
    for rows in _pages(bind, "idempotency_keys", key, "is_sealed = 0 AND body IS NOT NULL"):
        for row in rows:
            body = row.body
            found = body.find(_WITH_CODE)
            if found < 0:
                continue
            at = found + len(_FIELD) + 1
            begin = body.index(_TRANSACTION) + len(_TRANSACTION)
            named = body[begin : body.index(b'"', begin)]
            blank = body[:at] + named + body[at + _CODE_CHARACTERS :]
            same = [answers.c[name] == value for name, value in zip(key, row, strict=False)]
            bind.execute(answers.update().where(*same).values(body=blank, code_at=at))


def _pages(
    bind: sa.Connection, table: str, key: Sequence[str], condition: str
) -> Iterator[Sequence[sa.Row[Any]]]:
    """The rows' keys and bodies in the key's order, some at a time."""
    listed = ", ".join(key)
    after = ["" for _ in key]
    names = ", ".join(f":after_{name}" for name in key)
    query = sa.text(
        f"SELECT {listed}, body FROM {table} WHERE {condition} AND ({listed}) > ({names})"
        f" ORDER BY {listed} LIMIT {_PAGE_ROWS}"
    )
    while True:
        values = {f"after_{name}": value for name, value in zip(key, after, strict=True)}
        rows = bind.execute(query, values).all()
        if not rows:
            return
        after = list(rows[-1][: len(key)])
        yield rows
