"""What a lineage's mandates allow for sends: recipients, platforms, frequency, no repeats.

Charges of usage and holds aren't sends; only limits on money apply to them.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from billing.engine.limit import Limit
from billing.engine.sums import Sums
from billing.ledger.money import MICROS_PER_CENT
from kernel.clock import DAY_US, SECOND_US, day_start_us, rfc3339
from kernel.errors import DomainError
from keys import counter
from keys.caps import Window
from keys.counter import CounterRow
from keys.mandate import Mandate, OutsideMandate


class SendFacts(NamedTuple):
    """What limits check in a send. is_distinct: the caller said that it isn't a repeat."""

    topup_id: str
    platform: str
    recipient_email: str
    amount_cents: int
    is_distinct: bool = False

    @property
    def alike(self) -> str:
        return f"{self.platform}/{self.amount_cents}/{self.recipient_email}"


class LimitedSend(Protocol):
    """A send to decide; its facts are computed only if a mandate needs them."""

    @property
    def lineage(self) -> tuple[str, ...]: ...
    @property
    def facts(self) -> SendFacts: ...


class SendAgain(NamedTuple):
    lineage: tuple[str, ...]
    facts: SendFacts


class LooksRepeated(DomainError):
    """The same was just sent to the recipient; `distinct` confirms another send."""


class SendLimits(msgspec.Struct, gc=False):
    mandates: Sequence[tuple[str, Mandate]]
    counts: Sequence[Limit]
    recipients: Sequence[Limit] = ()

    def check_place(self, send: SendFacts) -> None:
        for key_id, mandate in self.mandates:
            if mandate.platforms and send.platform not in mandate.platforms:
                raise OutsideMandate(
                    "The key isn't allowed to send this platform.",
                    param="platform",
                    reason="platform",
                    extra={"key_id": key_id, "allowed": list(mandate.platforms)},
                )
            if not mandate.allows_recipient(send.recipient_email):
                raise OutsideMandate(
                    "The key isn't allowed to send to this recipient.",
                    param="recipient_email",
                    reason="recipient",
                    extra={"key_id": key_id, "allowed": list(mandate.recipients)},
                )

    def check_repeated(self, send: SendFacts, sums: Sums, now_us: int) -> None:
        if send.is_distinct:
            return
        for key_id, mandate in self.mandates:
            if mandate.repeat_guard_s is None:
                continue
            guard_us = mandate.repeat_guard_s * SECOND_US
            sent: dict[str, int] = {}
            for place in counter.repeat_places(key_id, send.alike, now_us):
                detail = sums.detailed(place).detail
                sent |= {} if detail is None else detail.sent
            latest = max(sent, key=lambda one: sent[one], default=None)
            if latest is not None and sent[latest] + guard_us > now_us:
                free_at = -(-(sent[latest] + guard_us) // SECOND_US) * SECOND_US
                raise LooksRepeated(
                    "The same amount of this platform was sent to this recipient a moment ago. If "
                    "this is another send, add distinct: true.",
                    param="distinct",
                    reason="looks_repeated",
                    extra={
                        "transaction_id": latest,
                        "key_id": key_id,
                        "sent_at": rfc3339(sent[latest]),
                        "resets_at": rfc3339(free_at),
                    },
                )

    def recipient_limits(self, send: SendFacts, sums: Sums, now_us: int) -> list[Limit]:
        start = day_start_us(now_us)
        email = send.recipient_email
        new = [
            one
            for one in self.recipients
            if not counter.has_recipient(one.sum.detail or counter.Detail(), email, now_us)
        ]
        return new + [
            Limit(
                "per_recipient_per_day",
                key_id,
                mandate.per_recipient_per_day_cents * MICROS_PER_CENT,
                sums.of(counter.recipient_place(key_id, send.recipient_email, start)),
                ends_at=start + DAY_US,
            )
            for key_id, mandate in self.mandates
            if mandate.per_recipient_per_day_cents is not None
        ]

    def count(
        self, account_id: str, send: SendFacts, amount_micros: int, sums: Sums, now_us: int
    ) -> list[CounterRow]:
        """Count a send; return the rows from which a failure takes it back."""
        for each in self.counts:
            each.add(account_id, amount_micros, now_us)
        places: list[CounterRow] = []
        for each in self.recipients:
            detail, key_id = each.sum.change_detail(account_id), each.key_id or ""
            places.append(counter.count_recipient(key_id, detail, send.recipient_email, now_us))
        start = day_start_us(now_us)
        for key_id, mandate in self.mandates:
            if mandate.per_recipient_per_day_cents is not None:
                places.append(counter.recipient_place(key_id, send.recipient_email, start))
                sums.of(places[-1]).add(account_id, amount_micros)
            if mandate.repeat_guard_s is not None:
                places.append(counter.repeat_places(key_id, send.alike, now_us)[0])
                sent = sums.detailed(places[-1]).change_detail(account_id).sent
                counter.note_sent(sent, send.topup_id, at=now_us)
        return places


def windows_of_send(
    key_id: str, mandate: Mandate, send: SendFacts, now_us: int
) -> Sequence[Window]:
    found: list[Window] = []
    if mandate.per_recipient_per_day_cents is not None:
        day = day_start_us(now_us)
        found.append(counter.recipient_place(key_id, send.recipient_email, day))
    if mandate.repeat_guard_s is not None:
        found += counter.repeat_places(key_id, send.alike, now_us)
    return found
