from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.refund_status import RefundStatus, check_refund_status

T = TypeVar("T", bound="Refund")


@_attrs_define
class Refund:
    """A refund that was requested here. While it is requested, unknown or pending, its credit is held."""

    id: str
    """ Its id, rfd_…. """
    status: RefundStatus
    """ Its state. """
    amount: int
    """ In the smallest unit of the currency that was paid. """
    currency: str
    """ ISO 4217. """
    order_id: str
    """ The order's id. """
    period_id: None | str
    """ Of a plan's paid period, else null. """
    account_id: str
    """ The account's id. """
    provider: str
    """ The payment provider. """
    payment: str
    """ What the provider calls the payment. """
    provider_refund_id: None | str
    """ The provider's own id of it; null: none yet. """
    made_at_provider: bool
    """ A person made it at the provider, and wrote it down here. """
    reason: str
    """ Why, in words for people. """
    detail: None | str
    """ Why it failed, or is unknown. """
    held_micros: int
    """ What is held of the account's credit. """
    requested_by: None | str
    """ The key, token or person that asked; null: nobody here. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    ended_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        status: str = self.status

        amount = self.amount

        currency = self.currency

        order_id = self.order_id

        period_id: None | str
        period_id = self.period_id

        account_id = self.account_id

        provider = self.provider

        payment = self.payment

        provider_refund_id: None | str
        provider_refund_id = self.provider_refund_id

        made_at_provider = self.made_at_provider

        reason = self.reason

        detail: None | str
        detail = self.detail

        held_micros = self.held_micros

        requested_by: None | str
        requested_by = self.requested_by

        created_at = self.created_at.isoformat()

        ended_at: None | str
        if isinstance(self.ended_at, datetime.datetime):
            ended_at = self.ended_at.isoformat()
        else:
            ended_at = self.ended_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "status": status,
                "amount": amount,
                "currency": currency,
                "order_id": order_id,
                "period_id": period_id,
                "account_id": account_id,
                "provider": provider,
                "payment": payment,
                "provider_refund_id": provider_refund_id,
                "made_at_provider": made_at_provider,
                "reason": reason,
                "detail": detail,
                "held_micros": held_micros,
                "requested_by": requested_by,
                "created_at": created_at,
                "ended_at": ended_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        status = check_refund_status(d.pop("status"))

        amount = d.pop("amount")

        currency = d.pop("currency")

        order_id = d.pop("order_id")

        def _parse_period_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        period_id = _parse_period_id(d.pop("period_id"))

        account_id = d.pop("account_id")

        provider = d.pop("provider")

        payment = d.pop("payment")

        def _parse_provider_refund_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        provider_refund_id = _parse_provider_refund_id(d.pop("provider_refund_id"))

        made_at_provider = d.pop("made_at_provider")

        reason = d.pop("reason")

        def _parse_detail(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        detail = _parse_detail(d.pop("detail"))

        held_micros = d.pop("held_micros")

        def _parse_requested_by(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        requested_by = _parse_requested_by(d.pop("requested_by"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_ended_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ended_at_type_0 = datetime.datetime.fromisoformat(data)

                return ended_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        ended_at = _parse_ended_at(d.pop("ended_at"))

        refund = cls(
            id=id,
            status=status,
            amount=amount,
            currency=currency,
            order_id=order_id,
            period_id=period_id,
            account_id=account_id,
            provider=provider,
            payment=payment,
            provider_refund_id=provider_refund_id,
            made_at_provider=made_at_provider,
            reason=reason,
            detail=detail,
            held_micros=held_micros,
            requested_by=requested_by,
            created_at=created_at,
            ended_at=ended_at,
        )

        refund.additional_properties = d
        return refund

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
