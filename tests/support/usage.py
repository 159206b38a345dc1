"""Usage and holds of a funded account: each command's result; `account.run` says what a key does."""

from typing import Any

from billing.credits.checkin import CheckedIn, CheckIn
from billing.engine.engine import Engine
from billing.usage import hold as holds
from billing.usage.hold import CaptureHold, ExpireHolds, Held, Hold, ReleaseHold, new_hold
from billing.usage.usage import UsageItem, Used, new_usage
from keys.principal import Principal
from store.database import Database, Transaction
from store.idempotency import RequestKey, request_key
from tests.support.funded_account import FundedAccount
from tests.support.promotional_credit import GivePromotion
from worker.money.due import Expirer


def beside(account: FundedAccount, database: Database) -> FundedAccount:
    """The same account at another engine, as in another process or after a restart."""
    engine = Engine(database, account.clock, account.engine.rules)
    return FundedAccount(database, account.clock, engine, account.account_id, account.principal)


def key_of(principal: Principal, text: str | None, body: bytes = b"{}") -> RequestKey | None:
    if text is None:
        return None
    return request_key(
        account_id=principal.account_id,
        environment=principal.environment,
        owner=principal.key_owner,
        key_text=text,
        method="POST",
        path="/usage",
        canonical_body=body,
    )


async def use(
    account: FundedAccount,
    micros: int | None,
    *,
    principal: Principal | None = None,
    key: str | None = None,
    **more: Any,
) -> Used:
    caller = principal or account.principal
    item = UsageItem(
        more.pop("description", "AI chat completion"),
        more.pop("model", None),
        more.pop("reference", None),
        micros,
        more.pop("tokens", None),
    )
    assert not more, more
    return await account.run(new_usage(caller, item), key_of(caller, key))


async def hold(
    account: FundedAccount,
    micros: int,
    *,
    principal: Principal | None = None,
    key: str | None = None,
    **more: Any,
) -> Held:
    caller = principal or account.principal
    command = new_hold(
        caller,
        amount_micros=micros,
        description=more.pop("description", "AI chat completion"),
        **more,
    )
    return await account.run(command, key_of(caller, key))


async def capture(
    account: FundedAccount, hold_id: str, micros: int | None = None, **more: Any
) -> Held:
    caller = more.get("principal", account.principal)
    key = key_of(caller, more.get("key"), str(micros).encode())
    command = CaptureHold(hold_id, caller.tenant, micros, more.get("tokens"), more.get("model"))
    return await account.run(command, key)


async def release(account: FundedAccount, hold_id: str, **more: Any) -> Held:
    caller = more.get("principal", account.principal)
    return await account.run(ReleaseHold(hold_id, caller.tenant), key_of(caller, more.get("key")))


async def expire(account: FundedAccount, *hold_ids: str) -> int:
    """How many of them ended."""
    return await account.engine.submit(ExpireHolds(account.principal.tenant, hold_ids))


async def sweep(account: FundedAccount) -> int:
    """What a worker does when it looks."""
    return await Expirer(account.database, account.clock, account.engine).sweep()


async def grant(
    account: FundedAccount, micros: int, *, expires_at: int | None, tenant: Any = None
) -> None:
    await account.engine.submit(
        GivePromotion(tenant or account.principal.tenant, micros, expires_at)
    )


def lowest(low: int, _high: int) -> int:
    """A random source without a surprise."""
    return low


async def check_in(account: FundedAccount, *, key: str | None = None, **more: Any) -> CheckedIn:
    caller = more.get("principal", account.principal)
    return await account.run(CheckIn(caller.tenant, more.get("pick", lowest)), key_of(caller, key))


async def find(account: FundedAccount, hold_id: str, principal: Principal | None = None) -> Hold:
    tenant = (principal or account.principal).tenant

    async def work(tx: Transaction) -> Hold:
        return await holds.find(tx, hold_id, tenant)

    return await account.database.read(work)


async def balances(account: FundedAccount, principal: Principal | None = None) -> dict[str, int]:
    """Ledger kind -> micros, of the account's environment; grants are added up."""
    account_id, environment = (principal or account.principal).tenant

    async def work(tx: Transaction) -> dict[str, int]:
        rows = await tx.fetch(
            """SELECT kind, SUM(balance_micros) AS micros FROM ledger_accounts
               WHERE account_id = :account_id AND environment = :environment GROUP BY kind""",
            account_id=account_id,
            environment=environment,
        )
        return {row["kind"]: int(row["micros"]) for row in rows}

    return await account.database.read(work)


async def spent_micros(account: FundedAccount, principal: Principal) -> dict[str, int]:
    """Period and start of each window of the key -> micros spent in it."""

    async def work(tx: Transaction) -> dict[str, int]:
        rows = await tx.fetch(
            """SELECT period, window_start_at, spent_micros FROM spend_windows
               WHERE key_id = :key_id ORDER BY period, window_start_at""",
            key_id=principal.key_id,
        )
        return {f"{row[0]} {row[1] // 86_400_000_000}": row[2] for row in rows}

    return await account.database.read(work)
