"""Redemption codes of a test: batches with an installation's key, and redeeming them."""

from collections.abc import Sequence
from typing import Any

from billing.credits.redemption_code import (
    Batch,
    CodeRedeemed,
    NewBatch,
    RedeemCode,
    RedemptionCodes,
    find_code,
    make,
)
from keys.principal import Environment, Principal
from tests.support.funded_account import FundedAccount

CODES = RedemptionCodes(bytes(range(32)))


async def make_codes(
    account: FundedAccount,
    worth_credits: int = 1000,
    count: int = 1,
    *,
    environment: Environment = "staging",
    **more: Any,
) -> tuple[Batch, list[str]]:
    """A batch and its codes."""
    made: list[str] = []

    def keep(step: Sequence[str]) -> None:
        made.extend(step)

    batch = await make(
        account.database,
        CODES,
        NewBatch(environment=environment, credits=worth_credits, count=count, **more),
        keep=keep,
        now_us=account.clock.now_us(),
    )
    return batch, made


async def redeem(
    account: FundedAccount, code: str, *, principal: Principal | None = None
) -> CodeRedeemed:
    """What the code was worth; raises NotRedeemable."""
    caller = principal or account.principal
    code_id = await find_code(account.database, CODES, code, environment=caller.environment)
    return await account.engine.submit(RedeemCode(code_id, caller.tenant))
