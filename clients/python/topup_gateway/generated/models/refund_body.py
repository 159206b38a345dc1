from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="RefundBody")


@_attrs_define
class RefundBody:
    """How much of an order's payment to return, and why."""

    reason: str
    """ In your words; order.refunded carries it. """
    amount: int | None | Unset = UNSET
    """ In the smallest unit of pay_currency. Left out: all that is left. """
    pay_currency: None | str | Unset = UNSET
    """ The currency of amount. Refused if the payment was made in another one. """
    period_id: None | str | Unset = UNSET
    """ Of a plan's order: which paid period. Left out where it has one. """
    payment: None | str | Unset = UNSET
    """ The provider's name of a payment that credited nothing and is not the order's own: a second one, or a plan's
    that waits in review. """
    allow_owed: bool | Unset = UNSET
    """ Refund also where the credit was used up: the account owes the rest. Default: false. """
    made_at_provider: None | str | Unset = UNSET
    """ The provider's id of a refund that you made on its own pages: it is written down and counts at once, and
    nobody is asked. """

    def to_dict(self) -> dict[str, Any]:
        reason = self.reason

        amount: int | None | Unset
        if isinstance(self.amount, Unset):
            amount = UNSET
        else:
            amount = self.amount

        pay_currency: None | str | Unset
        if isinstance(self.pay_currency, Unset):
            pay_currency = UNSET
        else:
            pay_currency = self.pay_currency

        period_id: None | str | Unset
        if isinstance(self.period_id, Unset):
            period_id = UNSET
        else:
            period_id = self.period_id

        payment: None | str | Unset
        if isinstance(self.payment, Unset):
            payment = UNSET
        else:
            payment = self.payment

        allow_owed = self.allow_owed

        made_at_provider: None | str | Unset
        if isinstance(self.made_at_provider, Unset):
            made_at_provider = UNSET
        else:
            made_at_provider = self.made_at_provider

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "reason": reason,
            }
        )
        if amount is not UNSET:
            field_dict["amount"] = amount
        if pay_currency is not UNSET:
            field_dict["pay_currency"] = pay_currency
        if period_id is not UNSET:
            field_dict["period_id"] = period_id
        if payment is not UNSET:
            field_dict["payment"] = payment
        if allow_owed is not UNSET:
            field_dict["allow_owed"] = allow_owed
        if made_at_provider is not UNSET:
            field_dict["made_at_provider"] = made_at_provider

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        reason = d.pop("reason")

        def _parse_amount(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        amount = _parse_amount(d.pop("amount", UNSET))

        def _parse_pay_currency(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        pay_currency = _parse_pay_currency(d.pop("pay_currency", UNSET))

        def _parse_period_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        period_id = _parse_period_id(d.pop("period_id", UNSET))

        def _parse_payment(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        payment = _parse_payment(d.pop("payment", UNSET))

        allow_owed = d.pop("allow_owed", UNSET)

        def _parse_made_at_provider(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        made_at_provider = _parse_made_at_provider(d.pop("made_at_provider", UNSET))

        refund_body = cls(
            reason=reason,
            amount=amount,
            pay_currency=pay_currency,
            period_id=period_id,
            payment=payment,
            allow_owed=allow_owed,
            made_at_provider=made_at_provider,
        )

        return refund_body
