from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.recharge_disabled_reason_type_0 import (
    RechargeDisabledReasonType0,
    check_recharge_disabled_reason_type_0,
)
from ..models.recharge_status import RechargeStatus, check_recharge_status

if TYPE_CHECKING:
    from ..models.recharge_charge import RechargeCharge


T = TypeVar("T", bound="Recharge")


@_attrs_define
class Recharge:
    """Credit that is bought automatically when the balance drops. While status is off, no drop is charged
    until the recharge is set again. disabled_reason is null while it is on, and if it was removed.

    """

    provider: str
    """ The payment provider. """
    below_cents: int
    """ In US cents. """
    amount_cents: int
    """ In US cents. """
    monthly_max_cents: int
    """ Of a calendar month by UTC, in US cents. """
    method_ref: str
    """ The saved means of payment. """
    brand: str
    """ The kind of card or account, such as visa. """
    last4: str
    """ The last 4 characters. """
    status: RechargeStatus
    """ Its state. """
    disabled_reason: None | RechargeDisabledReasonType0
    """ Why it is off; null: it is on, or was removed. """
    failures: int
    """ Charges that failed in a row. """
    retry_at: datetime.datetime | None
    """ When a declined charge is tried again. """
    changed_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    charges: list[RechargeCharge]
    """ The latest, the newest first. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        provider = self.provider

        below_cents = self.below_cents

        amount_cents = self.amount_cents

        monthly_max_cents = self.monthly_max_cents

        method_ref = self.method_ref

        brand = self.brand

        last4 = self.last4

        status: str = self.status

        disabled_reason: None | str
        if isinstance(self.disabled_reason, str):
            disabled_reason = self.disabled_reason
        else:
            disabled_reason = self.disabled_reason

        failures = self.failures

        retry_at: None | str
        if isinstance(self.retry_at, datetime.datetime):
            retry_at = self.retry_at.isoformat()
        else:
            retry_at = self.retry_at

        changed_at = self.changed_at.isoformat()

        charges = []
        for charges_item_data in self.charges:
            charges_item = charges_item_data.to_dict()
            charges.append(charges_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "provider": provider,
                "below_cents": below_cents,
                "amount_cents": amount_cents,
                "monthly_max_cents": monthly_max_cents,
                "method_ref": method_ref,
                "brand": brand,
                "last4": last4,
                "status": status,
                "disabled_reason": disabled_reason,
                "failures": failures,
                "retry_at": retry_at,
                "changed_at": changed_at,
                "charges": charges,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.recharge_charge import RechargeCharge  # noqa: PLC0415

        d = dict(src_dict)
        provider = d.pop("provider")

        below_cents = d.pop("below_cents")

        amount_cents = d.pop("amount_cents")

        monthly_max_cents = d.pop("monthly_max_cents")

        method_ref = d.pop("method_ref")

        brand = d.pop("brand")

        last4 = d.pop("last4")

        status = check_recharge_status(d.pop("status"))

        def _parse_disabled_reason(data: object) -> None | RechargeDisabledReasonType0:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                disabled_reason_type_0 = check_recharge_disabled_reason_type_0(data)

                return disabled_reason_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | RechargeDisabledReasonType0, data)

        disabled_reason = _parse_disabled_reason(d.pop("disabled_reason"))

        failures = d.pop("failures")

        def _parse_retry_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                retry_at_type_0 = datetime.datetime.fromisoformat(data)

                return retry_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        retry_at = _parse_retry_at(d.pop("retry_at"))

        changed_at = datetime.datetime.fromisoformat(d.pop("changed_at"))

        charges = []
        _charges = d.pop("charges")
        for charges_item_data in _charges:
            charges_item = RechargeCharge.from_dict(charges_item_data)

            charges.append(charges_item)

        recharge = cls(
            provider=provider,
            below_cents=below_cents,
            amount_cents=amount_cents,
            monthly_max_cents=monthly_max_cents,
            method_ref=method_ref,
            brand=brand,
            last4=last4,
            status=status,
            disabled_reason=disabled_reason,
            failures=failures,
            retry_at=retry_at,
            changed_at=changed_at,
            charges=charges,
        )

        recharge.additional_properties = d
        return recharge

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
