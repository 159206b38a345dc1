"""Let a recipient claim a delivery.

Only pressing the button claims the delivery, because scanners and previews open links. Anyone with the token is treated
as the recipient and can see the delivery again.
"""

from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from billing.engine.batch_state import BatchState
from billing.topups import rules, topup as topups
from billing.topups.rules import TopUpRules
from billing.topups.settlement import OnTopUp
from billing.topups.topup import TopUp
from billing.topups.working_set import topups_of
from kernel.clock import rfc3339
from kernel.errors import NotFound
from store.database import Transaction

ClaimState = Literal["ready", "waiting", "gone"]


@dataclass(frozen=True, slots=True)
class Claimable:
    topup: TopUp
    sender: str
    redeemed_at: int | None

    @property
    def state(self) -> ClaimState:
        if self.topup.status == "delivered":
            return "ready"
        return "waiting" if self.topup.status in {"pending", "scheduled"} else "gone"


@dataclass(frozen=True, slots=True)
class RecipientClaim(OnTopUp):
    def decide(self, state: BatchState) -> TopUp:
        topup = self._topup(state)
        if topup.status != "delivered" or topup.claimed_at is not None:
            return topup
        claimed = replace(topup, claimed_at=state.now_us)
        topups_of(state).claim(claimed)
        state.publish(
            claimed.tenant,
            "topup.claimed",
            {**claimed.event_data(), "claimed_at": rfc3339(state.now_us)},
            claimed.id,
            code_sealed=claimed.fulfilment_code,
        )
        return claimed


def topup_of_claim(rules: TopUpRules, token: str) -> str:
    topup_id = rules.links.id_of("claim", token)
    if topup_id is None:
        raise NotFound("Page")
    return topup_id


async def find_claimable(tx: Transaction, topup_id: str) -> Claimable:
    topup = (await topups.load(tx, [topup_id])).get(topup_id)
    if topup is None:
        raise NotFound("Page")
    name = await tx.fetch_one("SELECT name FROM accounts WHERE id = :id", id=topup.account_id)
    redemption = (await rules.load_redemptions(tx, [topup_id])).get(topup_id)
    # A supplier's delivery settles the voucher automatically, so a settled voucher may be unused.
    is_used = redemption is not None and topup.deliverable is None
    return Claimable(
        topup,
        "" if name is None else str(name["name"]),
        redemption.redeemed_at if redemption is not None and is_used else None,
    )


def handed_out(rules: TopUpRules, topup: TopUp) -> str | None:
    assert topup.status == "delivered", "what was not delivered is not handed out"
    given = topup.deliverable
    if given is not None and given.value_hint is None:
        return None
    return rules.codes.issued(topup.id, topup.fulfilment_code)
