"""Keep a double-entry ledger: accounts have balances, and transfers move integer micros between accounts.

- A transfer never changes, and stays within one tenant.
- Credit that moves between tenants passes through the TRANSIT accounts of both.
- A stored balance equals the sum of its transfers, and is never negative.

The caller holds the tenants' locks.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from billing.ledger.chart import (
    ASSETS,
    PAID_GRANT,
    Code as Code,
    LedgerAccountKind as LedgerAccountKind,
)
from kernel.errors import DomainError
from kernel.ids import new_id
from kernel.tenant import Tenant
from store.database import BatchRead, Row, Rows, Transaction
from store.row_mapping import Conversion, RowMapping

LedgerAccountKey = tuple[str, str, str, str]


class InsufficientBalance(DomainError):
    pass


class LedgerAccount(msgspec.Struct, gc=False):
    id: str
    account_id: str
    environment: str
    kind: LedgerAccountKind
    name: str
    balance_micros: int
    expires_at: int | None = None
    is_new: bool = False
    is_touched: bool = False
    delta_micros: int = 0

    def change(self, delta_micros: int) -> None:
        self.balance_micros += delta_micros
        self.delta_micros += delta_micros
        self.is_touched = True

    @property
    def is_paid(self) -> bool:
        return self.name.startswith(PAID_GRANT)

    @property
    def label(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else str(self.kind)


class Transfer(msgspec.Struct, frozen=True, gc=False):
    id: str
    account_id: str
    environment: str
    debit_id: str
    credit_id: str
    amount_micros: int
    code: Code
    transaction_id: str | None
    subject_id: str | None
    created_at: int


class Ledger:
    def __init__(self) -> None:
        self._accounts: dict[LedgerAccountKey, LedgerAccount] = {}
        self._by_id: dict[str, LedgerAccount] = {}
        self._grants: dict[Tenant, list[LedgerAccount]] = {}
        self._wallets: dict[Tenant, LedgerAccount] = {}
        self._debts: dict[Tenant, LedgerAccount] = {}
        self._tenants: set[Tenant] = set()
        self._loaded: set[LedgerAccountKey] = set()
        self._transfers: list[Transfer] = []
        self.clocks_ahead_us: Mapping[Tenant, int] = {}

    async def load(
        self, tx: Transaction, tenants: Iterable[Tenant], places: Iterable[LedgerAccountKey]
    ) -> None:
        await tx.fetch_many([self.reading(tenants, places)])

    def reading(self, tenants: Iterable[Tenant], places: Iterable[LedgerAccountKey]) -> BatchRead:
        ordered = sorted(set(tenants))
        wanted = set(places)
        for account_id, environment in ordered:
            wanted.update((account_id, environment, kind, "") for kind in _STANDING)
        self._loaded |= wanted
        self._tenants.update(ordered)
        return BatchRead(_PROBE, self._take, places=list(wanted), tenants=ordered)

    def _take(self, rows: Rows) -> None:
        for row in rows:
            self._remember(_from_row(row))

    async def load_ids(self, tx: Transaction, ids: Iterable[str]) -> None:
        missing = sorted(set(ids) - self._by_id.keys())
        for row in await tx.fetch(_BY_ID, ids=missing) if missing else ():
            self._remember(_from_row(row))

    def account(
        self,
        tenant: Tenant,
        kind: LedgerAccountKind,
        name: str = "",
        *,
        expires_at: int | None = None,
    ) -> LedgerAccount:
        """Return the account, creating it if needed. Its place must have been read, unless this is a new grant."""
        place = (tenant.account_id, tenant.environment, kind, name)
        found = self._accounts.get(place)
        if found is None:
            is_fresh_grant = kind is LedgerAccountKind.GRANT
            assert is_fresh_grant or place in self._loaded, f"{kind} was not loaded"
            found = LedgerAccount(
                new_id("lac"), *tenant, kind, name, 0, expires_at=expires_at, is_new=True
            )
            self._remember(found)
        return found

    def wallet(self, tenant: Tenant) -> LedgerAccount:
        found = self._wallets.get(tenant)
        return self.account(tenant, LedgerAccountKind.WALLET) if found is None else found

    def held(self, tenant: Tenant) -> LedgerAccount:
        return self.account(tenant, LedgerAccountKind.HELD)

    def owed(self, tenant: Tenant) -> LedgerAccount:
        found = self._debts.get(tenant)
        return self.account(tenant, LedgerAccountKind.OWED) if found is None else found

    def owed_micros(self, tenant: Tenant) -> int:
        """Return the tenant's debt without creating an account, because most tenants have no debt."""
        found = self._debts.get(tenant)
        if found is None:
            assert tenant in self._tenants, "debts were not loaded"
            return 0
        return found.balance_micros

    def by_id(self, ledger_account_id: str) -> LedgerAccount:
        return self._by_id[ledger_account_id]

    def has_grants(self, tenant: Tenant) -> bool:
        return tenant in self._grants

    def grants(
        self, tenant: Tenant, now_us: int, *, is_promo_counted: bool = True
    ) -> list[LedgerAccount]:
        """Return the grants that have credit and haven't expired, earliest expiry first."""
        held = self._grants.get(tenant)
        if held is None:
            return []
        now_us += self.clocks_ahead_us.get(tenant, 0)
        alive = [
            grant
            for grant in held
            if grant.balance_micros > 0
            and (grant.expires_at is None or grant.expires_at > now_us)
            and (is_promo_counted or grant.is_paid)
        ]
        return sorted(alive, key=lambda g: (g.expires_at is None, g.expires_at or 0, g.id))

    def expired_grants(self, tenant: Tenant, now_us: int) -> list[LedgerAccount]:
        now_us += self.clocks_ahead_us.get(tenant, 0)
        return [
            grant
            for grant in self._grants.get(tenant, ())
            if grant.balance_micros > 0
            and grant.expires_at is not None
            and grant.expires_at <= now_us
        ]

    def promotional_micros(self, tenant: Tenant, now_us: int) -> int:
        return sum(
            grant.balance_micros for grant in self.grants(tenant, now_us) if not grant.is_paid
        )

    def granted_micros(self, tenant: Tenant, now_us: int, *, is_promo_counted: bool = True) -> int:
        if tenant not in self._grants:
            return 0
        counted = self.grants(tenant, now_us, is_promo_counted=is_promo_counted)
        return sum(grant.balance_micros for grant in counted)

    def balance_micros(self, tenant: Tenant, now_us: int) -> int:
        wallet = self.wallet(tenant).balance_micros
        return wallet + self.granted_micros(tenant, now_us) if self._grants else wallet

    def post(
        self,
        *,
        debit: LedgerAccount,
        credit: LedgerAccount,
        amount_micros: int,
        code: Code,
        now_us: int,
        transaction_id: str | None = None,
        subject_id: str | None = None,
    ) -> Transfer:
        """Make a transfer. Raise InsufficientBalance if a balance would become negative."""
        assert amount_micros > 0, "a transfer moves something"
        assert debit.id != credit.id, "a transfer has two sides"
        assert (debit.account_id, debit.environment) == (credit.account_id, credit.environment)
        debit_delta = amount_micros if debit.kind in ASSETS else -amount_micros
        credit_delta = -amount_micros if credit.kind in ASSETS else amount_micros
        if debit.balance_micros + debit_delta < 0 or credit.balance_micros + credit_delta < 0:
            raise InsufficientBalance("The balance doesn't cover the amount.")
        debit.change(debit_delta)
        credit.change(credit_delta)
        transfer = Transfer(
            new_id("trf"),
            debit.account_id,
            debit.environment,
            debit.id,
            credit.id,
            amount_micros,
            code,
            transaction_id,
            subject_id,
            now_us,
        )
        self._transfers.append(transfer)
        return transfer

    @property
    def posted(self) -> int:
        return len(self._transfers)

    async def flush(self, tx: Transaction, now_us: int) -> None:
        if not self._transfers:
            return
        touched = [account for account in self._by_id.values() if account.is_touched]
        fresh = sorted((a.id, a) for a in touched if a.is_new)
        await tx.insert_deferred(
            "ledger_accounts", _ACCOUNT_COLUMNS, [_new_row(a, now_us) for _, a in fresh]
        )
        known = sorted((a.id, a.delta_micros) for a in touched if a.delta_micros and not a.is_new)
        if known:
            await tx.execute_deferred(_MOVE, touching=len(known), rows=known, now=now_us)
        await tx.insert_deferred(
            "transfers", _TRANSFERS.columns, [_TRANSFERS.write(one) for one in self._transfers]
        )

    def _remember(self, account: LedgerAccount) -> None:
        place = (account.account_id, account.environment, account.kind, account.name)
        if place in self._accounts:
            return
        self._accounts[place] = account
        self._by_id[account.id] = account
        tenant = Tenant(account.account_id, account.environment)
        if account.kind is LedgerAccountKind.GRANT:
            self._grants.setdefault(tenant, []).append(account)
        elif account.kind is LedgerAccountKind.WALLET:
            self._wallets[tenant] = account
        elif account.kind is LedgerAccountKind.OWED:
            self._debts[tenant] = account


async def transfers_of(tx: Transaction, transaction_ids: Sequence[str]) -> list[Transfer]:
    rows = await tx.fetch(_TRANSFERS_OF, ids=sorted(set(transaction_ids)))
    return [_TRANSFERS.read(row) for row in rows]


_STANDING = (LedgerAccountKind.WALLET, LedgerAccountKind.HELD, LedgerAccountKind.OWED)

_KINDS = {str(kind): kind for kind in LedgerAccountKind}
_COLUMNS = "l.id, l.account_id, l.environment, l.kind, l.name, l.balance_micros, l.expires_at"
# The join uses all four columns. Until the table has statistics, a join on fewer columns would scan it and double
# PostgreSQL's CPU time per send.
_PROBE = f"""
    SELECT {_COLUMNS}
    FROM :places[account_id text, environment text, kind text, name text] AS v
    CROSS JOIN ledger_accounts l
    WHERE l.account_id = v.account_id AND l.environment = v.environment
      AND l.kind = v.kind AND l.name = v.name
    UNION ALL
    SELECT {_COLUMNS}
    FROM :tenants[account_id text, environment text] AS w
    CROSS JOIN ledger_accounts l
    WHERE l.account_id = w.account_id AND l.environment = w.environment
      AND l.kind = 'grant' AND l.is_spent = 0"""
_BY_ID = f"SELECT {_COLUMNS} FROM ledger_accounts l WHERE l.id IN :ids[text]"
_MOVE = """
    UPDATE ledger_accounts SET balance_micros = balance_micros + v.delta, updated_at = :now,
        is_spent = CASE WHEN kind = 'grant' AND balance_micros + v.delta = 0 THEN 1 ELSE 0 END
    FROM :rows[id text, delta bigint] AS v WHERE ledger_accounts.id = v.id"""
_ACCOUNT_COLUMNS = (
    "id",
    "account_id",
    "environment",
    "kind",
    "name",
    "balance_micros",
    "expires_at",
    "is_spent",
    "created_at",
    "updated_at",
)
_TRANSFERS = RowMapping(Transfer, stored={"code": Conversion(Code, str)})
_TRANSFERS_OF = f"""
SELECT {_TRANSFERS.listed} FROM transfers WHERE transaction_id IN :ids[text] ORDER BY id
"""


def _from_row(row: Row) -> LedgerAccount:
    kind = _KINDS[row[3]]
    return LedgerAccount(row[0], row[1], row[2], kind, row[4], row[5], row[6])


def _new_row(account: LedgerAccount, now_us: int) -> tuple[object, ...]:
    return (
        account.id,
        account.account_id,
        account.environment,
        str(account.kind),
        account.name,
        account.balance_micros,
        account.expires_at,
        # An empty grant is inserted as spent, so that no UPDATE follows.
        1 if account.kind is LedgerAccountKind.GRANT and account.balance_micros == 0 else 0,
        now_us,
        now_us,
    )
