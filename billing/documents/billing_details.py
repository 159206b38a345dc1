"""Store the billing details for an account's future documents."""

from collections.abc import Iterable

import msgspec

from billing.documents.facts import Party
from kernel.errors import InvalidInput
from store.database import Transaction
from store.row_mapping import RowMapping

NAME_CHARACTERS_MAX = 200
ADDRESS_CHARACTERS_MAX = 500
ADDRESS_LINES_MAX = 8
TAX_ID_CHARACTERS_MAX = 60


class BillingDetails(msgspec.Struct, frozen=True, kw_only=True):
    """An account's billing details. `updated_at` is None if they were never set."""

    account_id: str
    name: str = ""
    address: str = ""
    tax_id: str = ""
    updated_at: int | None = None


def checked(account_id: str, *, name: str, address: str, tax_id: str) -> BillingDetails:
    lines = [line.strip() for line in address.replace("\r\n", "\n").split("\n")]
    kept = [line for line in lines if line]
    details = BillingDetails(
        account_id=account_id, name=name.strip(), address="\n".join(kept), tax_id=tax_id.strip()
    )
    limits = (
        ("name", len(details.name), NAME_CHARACTERS_MAX),
        ("address", len(details.address), ADDRESS_CHARACTERS_MAX),
        ("tax_id", len(details.tax_id), TAX_ID_CHARACTERS_MAX),
    )
    for param, size, size_max in limits:
        if size > size_max:
            raise InvalidInput(f"This can have at most {size_max} characters.", param=param)
    if len(kept) > ADDRESS_LINES_MAX:
        raise InvalidInput(
            f"An address can have at most {ADDRESS_LINES_MAX} lines.", param="address"
        )
    return details


async def find(tx: Transaction, account_id: str) -> BillingDetails:
    row = await tx.fetch_one(
        f"SELECT {_ROWS.listed} FROM billing_details WHERE account_id = :account_id",
        account_id=account_id,
    )
    return BillingDetails(account_id=account_id) if row is None else _ROWS.read(row)


async def save(tx: Transaction, details: BillingDetails, *, now_us: int) -> BillingDetails:
    kept = msgspec.structs.replace(details, updated_at=now_us)
    await tx.insert(
        "billing_details",
        _ROWS.columns,
        [_ROWS.write(kept)],
        on_conflict="""ON CONFLICT (account_id) DO UPDATE SET name = excluded.name,
            address = excluded.address, tax_id = excluded.tax_id, updated_at = excluded.updated_at""",
    )
    return kept


async def buyers(tx: Transaction, account_ids: Iterable[str]) -> dict[str, Party]:
    """Return the buyer to name on each account's documents. The default name is the account's own."""
    rows = await tx.fetch(
        """SELECT a.id, a.name AS account_name, a.email, b.name, b.address, b.tax_id
           FROM accounts a LEFT JOIN billing_details b ON b.account_id = a.id
           WHERE a.id IN :ids[text]""",
        ids=sorted(set(account_ids)),
    )
    return {
        row["id"]: Party(
            (row["name"] or row["account_name"] or row["id"])[:NAME_CHARACTERS_MAX],
            tuple((row["address"] or "").split("\n")) if row["address"] else (),
            row["tax_id"] or "",
            row["email"] or "",
        )
        for row in rows
    }


_ROWS = RowMapping(BillingDetails)
