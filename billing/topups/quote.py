"""Quotes: the price that `validate` named, valid for ten minutes without being stored.

qte_END_FEE_PROOF: the end in microseconds by the account's own clock, the fee in cents, and a MAC over both
and the send.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal, cast

import msgspec
from msgspec.structs import replace

from billing.engine.batch_state import BatchState, ReadSet
from billing.ledger.money import micros_to_cents
from billing.topups.send import Send, SendRequest, Sent, WouldBe
from kernel.clock import MINUTE_US
from kernel.errors import InvalidInput
from keys.principal import Principal
from keys.vault import Vault

QUOTE_ID_CHARACTERS_MAX: Final = 120
QUOTE_US: Final = 10 * MINUTE_US
_PURPOSE: Final = "topup quote 1"
_FORM: Final = re.compile(r"qte_([1-9][0-9]{0,17})_(0|[1-9][0-9]{0,11})_([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Quote:
    amount_cents: int
    fee_cents: int
    charged_cents: int
    wallet_balance_cents: int
    wallet_balance_after_cents: int
    cap_remaining_cents: int | None
    would_be: WouldBe | Literal["replayed"]
    ends_at: int


@dataclass(frozen=True, slots=True)
class Rehearsal:
    send: Send

    def declare(self, read_set: ReadSet) -> None:
        self.send.declare(read_set)

    def decide(self, state: BatchState) -> tuple[Quote, Sent]:
        state.check_alive(self.send.tenant, self.send.lineage)
        before = state.ledger.balance_micros(self.send.tenant, state.now_us)
        send = self.send
        remaining_cents = state.spending.max_now_cents(send.tenant, send.lineage, send)
        sent = self.send.decide(state)
        request = self.send.request
        quote = Quote(
            amount_cents=request.amount_cents,
            fee_cents=request.fee_cents,
            charged_cents=request.charged_cents,
            wallet_balance_cents=micros_to_cents(before),
            wallet_balance_after_cents=sent.wallet_balance_cents,
            cap_remaining_cents=remaining_cents,
            would_be=_outcome(sent),
            ends_at=state.now_of(self.send.tenant) + QUOTE_US,
        )
        return quote, sent


def quote_id(vault: Vault, principal: Principal, request: SendRequest, ends_at: int) -> str:
    proof = vault.sign(_bound(principal, request, ends_at), purpose=_PURPOSE)
    return f"qte_{ends_at}_{request.fee_cents}_{proof}"


def with_quote(vault: Vault, principal: Principal, request: SendRequest, text: str) -> SendRequest:
    """Return the send at the quoted fee; raise InvalidInput for another send's quote. Its end is checked
    with the send, because a repeated call gets its first response.
    """
    found = _FORM.fullmatch(text)
    if found is not None:
        ends_at = int(found[1])
        quoted = replace(request, fee_cents=int(found[2]), quote_ends_at=ends_at)
        if vault.is_signed(_bound(principal, quoted, ends_at), found[3], purpose=_PURPOSE):
            return quoted
    raise InvalidInput(
        "The quote belongs to another key, platform, recipient or amount. Validate "
        "this send to get its own.",
        param="quote_id",
        reason="quote_mismatch",
    )


def _outcome(sent: Sent) -> WouldBe | Literal["replayed"]:
    if sent.is_replay:
        return "replayed"
    if sent.approval is not None:
        return "approval_required"
    status = sent.topup.status
    assert status in {"delivered", "pending", "scheduled", "failed"}, "a send makes no other"
    return cast(WouldBe, status)


def _bound(principal: Principal, request: SendRequest, ends_at: int) -> str:
    bound = (
        *principal.tenant,
        principal.kind,
        principal.key_owner,
        request.platform.id,
        request.recipient_email,
        request.amount_cents,
        request.fee_cents,
        ends_at,
    )
    return msgspec.json.encode(bound).decode()
