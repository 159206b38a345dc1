from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.quote_would_be import QuoteWouldBe, check_quote_would_be

T = TypeVar("T", bound="Quote")


@_attrs_define
class Quote:
    """What a send would do now; cap_remaining_cents is null without a cap.

    A send that carries quote_id before quote_expires_at is charged charged_cents, whatever the price
    is by then.

    """

    amount_cents: int
    """ In US cents. """
    fee_cents: int
    """ Charged beside the amount, in US cents. """
    charged_cents: int
    """ What the sender paid, amount and fee, in US cents. """
    wallet_balance_cents: int
    """ In US cents. """
    wallet_balance_after_cents: int
    """ In US cents. """
    cap_remaining_cents: int | None
    """ In US cents. """
    would_be: QuoteWouldBe
    """ replayed: its intent names a top-up that was sent before, so it would send and charge nothing. """
    quote_id: str
    """ For quote_id of the send. """
    quote_expires_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        amount_cents = self.amount_cents

        fee_cents = self.fee_cents

        charged_cents = self.charged_cents

        wallet_balance_cents = self.wallet_balance_cents

        wallet_balance_after_cents = self.wallet_balance_after_cents

        cap_remaining_cents: int | None
        cap_remaining_cents = self.cap_remaining_cents

        would_be: str = self.would_be

        quote_id = self.quote_id

        quote_expires_at = self.quote_expires_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "amount_cents": amount_cents,
                "fee_cents": fee_cents,
                "charged_cents": charged_cents,
                "wallet_balance_cents": wallet_balance_cents,
                "wallet_balance_after_cents": wallet_balance_after_cents,
                "cap_remaining_cents": cap_remaining_cents,
                "would_be": would_be,
                "quote_id": quote_id,
                "quote_expires_at": quote_expires_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        amount_cents = d.pop("amount_cents")

        fee_cents = d.pop("fee_cents")

        charged_cents = d.pop("charged_cents")

        wallet_balance_cents = d.pop("wallet_balance_cents")

        wallet_balance_after_cents = d.pop("wallet_balance_after_cents")

        def _parse_cap_remaining_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        cap_remaining_cents = _parse_cap_remaining_cents(d.pop("cap_remaining_cents"))

        would_be = check_quote_would_be(d.pop("would_be"))

        quote_id = d.pop("quote_id")

        quote_expires_at = datetime.datetime.fromisoformat(d.pop("quote_expires_at"))

        quote = cls(
            amount_cents=amount_cents,
            fee_cents=fee_cents,
            charged_cents=charged_cents,
            wallet_balance_cents=wallet_balance_cents,
            wallet_balance_after_cents=wallet_balance_after_cents,
            cap_remaining_cents=cap_remaining_cents,
            would_be=would_be,
            quote_id=quote_id,
            quote_expires_at=quote_expires_at,
        )

        quote.additional_properties = d
        return quote

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
