from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.failed_recharge_event_data_currency import (
    FailedRechargeEventDataCurrency,
    check_failed_recharge_event_data_currency,
)
from ..models.failed_recharge_event_data_reason import (
    FailedRechargeEventDataReason,
    check_failed_recharge_event_data_reason,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="FailedRechargeEventData")


@_attrs_define
class FailedRechargeEventData:
    """A fall of the balance for which nothing could be bought, or (disputed) a charge that the payer's bank
    took back or asks about. order_id is null where no charge was tried; retry_at where it is not tried
    again by itself; url where no person can confirm it.

    """

    order_id: None | str
    """ The order's id. """
    amount_cents: int
    """ In US cents. """
    method: str
    """ The means of payment, as its owner knows it. """
    reason: FailedRechargeEventDataReason
    """ Why nothing was bought. """
    disabled: bool
    """ No fall is charged until it is set again. """
    failures: int
    """ Charges that failed in a row; the third ends it. """
    retry_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    url: None | str
    """ Where a person confirms the payment. """
    currency: FailedRechargeEventDataCurrency
    """ The currency, by ISO 4217. """
    test: bool | Unset = UNSET
    """ There in the sample of a test ping only: nothing of it is real. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        order_id: None | str
        order_id = self.order_id

        amount_cents = self.amount_cents

        method = self.method

        reason: str = self.reason

        disabled = self.disabled

        failures = self.failures

        retry_at: None | str
        if isinstance(self.retry_at, datetime.datetime):
            retry_at = self.retry_at.isoformat()
        else:
            retry_at = self.retry_at

        url: None | str
        url = self.url

        currency: str = self.currency

        test = self.test

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "order_id": order_id,
                "amount_cents": amount_cents,
                "method": method,
                "reason": reason,
                "disabled": disabled,
                "failures": failures,
                "retry_at": retry_at,
                "url": url,
                "currency": currency,
            }
        )
        if test is not UNSET:
            field_dict["test"] = test

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_order_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        order_id = _parse_order_id(d.pop("order_id"))

        amount_cents = d.pop("amount_cents")

        method = d.pop("method")

        reason = check_failed_recharge_event_data_reason(d.pop("reason"))

        disabled = d.pop("disabled")

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

        def _parse_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        url = _parse_url(d.pop("url"))

        currency = check_failed_recharge_event_data_currency(d.pop("currency"))

        test = d.pop("test", UNSET)

        failed_recharge_event_data = cls(
            order_id=order_id,
            amount_cents=amount_cents,
            method=method,
            reason=reason,
            disabled=disabled,
            failures=failures,
            retry_at=retry_at,
            url=url,
            currency=currency,
            test=test,
        )

        failed_recharge_event_data.additional_properties = d
        return failed_recharge_event_data

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
