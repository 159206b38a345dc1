from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.disputed_order_event_data_origin_type_0 import (
    DisputedOrderEventDataOriginType0,
    check_disputed_order_event_data_origin_type_0,
)
from ..models.disputed_order_event_data_status import (
    DisputedOrderEventDataStatus,
    check_disputed_order_event_data_status,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="DisputedOrderEventData")


@_attrs_define
class DisputedOrderEventData:
    """An order whose payment the payer's bank took, in part or in full. refunded_cents 0: no more is gone now."""

    id: str
    """ Its id, ord_…. """
    status: DisputedOrderEventDataStatus
    """ Its state. """
    provider: str
    """ The payment provider. """
    url: None | str
    """ Where the payer goes; null where nothing is to be paid. """
    pack_id: None | str
    """ The pack's id. """
    amount: int
    """ In the currency's smallest unit. """
    currency: str
    """ ISO 4217. """
    pay_amount: int
    """ In the currency's smallest unit. """
    pay_currency: str
    """ ISO 4217. """
    credits_: int
    """ 1 credit is $0.001. """
    refunded_amount: int
    """ How much of the payment went back, as pay_amount. """
    coupon: None | str
    """ A coupon's code; null: none. """
    order_no: str
    """ The order's number, as the provider is told it. """
    reference: None | str
    """ The txn_… that its events and deliveries are found by. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    paid_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    origin: DisputedOrderEventDataOriginType0 | None
    """ recharge: bought by itself. Null: somebody ordered it. """
    paid_amount: int | None
    """ What was paid, before tax, as pay_amount; 0: a trial. Null: nothing yet. """
    trial_days: int
    """ The free days that a plan begins with. """
    refunded_cents: int
    """ How much more went back now; never below 0. """
    refunded_total_cents: int
    """ In the currency's smallest unit. """
    reason: str
    """ Why, in words for people. """
    dispute_id: str
    """ The provider's ID of the dispute. """
    disputed_cents: int
    """ The amount of the dispute. """
    test: bool | Unset = UNSET
    """ There in the sample of a test ping only: nothing of it is real. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        status: str = self.status

        provider = self.provider

        url: None | str
        url = self.url

        pack_id: None | str
        pack_id = self.pack_id

        amount = self.amount

        currency = self.currency

        pay_amount = self.pay_amount

        pay_currency = self.pay_currency

        credits_ = self.credits_

        refunded_amount = self.refunded_amount

        coupon: None | str
        coupon = self.coupon

        order_no = self.order_no

        reference: None | str
        reference = self.reference

        created_at = self.created_at.isoformat()

        paid_at: None | str
        if isinstance(self.paid_at, datetime.datetime):
            paid_at = self.paid_at.isoformat()
        else:
            paid_at = self.paid_at

        origin: None | str
        if isinstance(self.origin, str):
            origin = self.origin
        else:
            origin = self.origin

        paid_amount: int | None
        paid_amount = self.paid_amount

        trial_days = self.trial_days

        refunded_cents = self.refunded_cents

        refunded_total_cents = self.refunded_total_cents

        reason = self.reason

        dispute_id = self.dispute_id

        disputed_cents = self.disputed_cents

        test = self.test

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "status": status,
                "provider": provider,
                "url": url,
                "pack_id": pack_id,
                "amount": amount,
                "currency": currency,
                "pay_amount": pay_amount,
                "pay_currency": pay_currency,
                "credits": credits_,
                "refunded_amount": refunded_amount,
                "coupon": coupon,
                "order_no": order_no,
                "reference": reference,
                "created_at": created_at,
                "paid_at": paid_at,
                "origin": origin,
                "paid_amount": paid_amount,
                "trial_days": trial_days,
                "refunded_cents": refunded_cents,
                "refunded_total_cents": refunded_total_cents,
                "reason": reason,
                "dispute_id": dispute_id,
                "disputed_cents": disputed_cents,
            }
        )
        if test is not UNSET:
            field_dict["test"] = test

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        status = check_disputed_order_event_data_status(d.pop("status"))

        provider = d.pop("provider")

        def _parse_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        url = _parse_url(d.pop("url"))

        def _parse_pack_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        pack_id = _parse_pack_id(d.pop("pack_id"))

        amount = d.pop("amount")

        currency = d.pop("currency")

        pay_amount = d.pop("pay_amount")

        pay_currency = d.pop("pay_currency")

        credits_ = d.pop("credits")

        refunded_amount = d.pop("refunded_amount")

        def _parse_coupon(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        coupon = _parse_coupon(d.pop("coupon"))

        order_no = d.pop("order_no")

        def _parse_reference(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reference = _parse_reference(d.pop("reference"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_paid_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                paid_at_type_0 = datetime.datetime.fromisoformat(data)

                return paid_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        paid_at = _parse_paid_at(d.pop("paid_at"))

        def _parse_origin(data: object) -> DisputedOrderEventDataOriginType0 | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                origin_type_0 = check_disputed_order_event_data_origin_type_0(data)

                return origin_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(DisputedOrderEventDataOriginType0 | None, data)

        origin = _parse_origin(d.pop("origin"))

        def _parse_paid_amount(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        paid_amount = _parse_paid_amount(d.pop("paid_amount"))

        trial_days = d.pop("trial_days")

        refunded_cents = d.pop("refunded_cents")

        refunded_total_cents = d.pop("refunded_total_cents")

        reason = d.pop("reason")

        dispute_id = d.pop("dispute_id")

        disputed_cents = d.pop("disputed_cents")

        test = d.pop("test", UNSET)

        disputed_order_event_data = cls(
            id=id,
            status=status,
            provider=provider,
            url=url,
            pack_id=pack_id,
            amount=amount,
            currency=currency,
            pay_amount=pay_amount,
            pay_currency=pay_currency,
            credits_=credits_,
            refunded_amount=refunded_amount,
            coupon=coupon,
            order_no=order_no,
            reference=reference,
            created_at=created_at,
            paid_at=paid_at,
            origin=origin,
            paid_amount=paid_amount,
            trial_days=trial_days,
            refunded_cents=refunded_cents,
            refunded_total_cents=refunded_total_cents,
            reason=reason,
            dispute_id=dispute_id,
            disputed_cents=disputed_cents,
            test=test,
        )

        disputed_order_event_data.additional_properties = d
        return disputed_order_event_data

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
