from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Dispute")


@_attrs_define
class Dispute:
    """A dispute that a payer's bank opened, or its inquiry, which took no money."""

    id: str
    """ The provider's. """
    provider: str
    """ The payment provider. """
    account_id: None | str
    """ The account's id; null: unknown. """
    order_id: None | str
    """ The order's id; null: none of ours. """
    amount: int
    """ In the currency's smallest unit: USD has 2 places, KWD 3, JPY 0. """
    currency: str
    """ ISO 4217. """
    status: str
    """ In the provider's own words. """
    reason: str
    """ In the provider's own words. """
    is_inquiry: bool
    """ Whether it is only a question of the bank's, which took no money. """
    evidence_due_at: datetime.datetime | None
    """ Until when evidence counts; null where the provider does not tell. """
    page_url: None | str
    """ Its page at the provider; null: unknown. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    ended_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        provider = self.provider

        account_id: None | str
        account_id = self.account_id

        order_id: None | str
        order_id = self.order_id

        amount = self.amount

        currency = self.currency

        status = self.status

        reason = self.reason

        is_inquiry = self.is_inquiry

        evidence_due_at: None | str
        if isinstance(self.evidence_due_at, datetime.datetime):
            evidence_due_at = self.evidence_due_at.isoformat()
        else:
            evidence_due_at = self.evidence_due_at

        page_url: None | str
        page_url = self.page_url

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
                "provider": provider,
                "account_id": account_id,
                "order_id": order_id,
                "amount": amount,
                "currency": currency,
                "status": status,
                "reason": reason,
                "is_inquiry": is_inquiry,
                "evidence_due_at": evidence_due_at,
                "page_url": page_url,
                "created_at": created_at,
                "ended_at": ended_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        provider = d.pop("provider")

        def _parse_account_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        account_id = _parse_account_id(d.pop("account_id"))

        def _parse_order_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        order_id = _parse_order_id(d.pop("order_id"))

        amount = d.pop("amount")

        currency = d.pop("currency")

        status = d.pop("status")

        reason = d.pop("reason")

        is_inquiry = d.pop("is_inquiry")

        def _parse_evidence_due_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                evidence_due_at_type_0 = datetime.datetime.fromisoformat(data)

                return evidence_due_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        evidence_due_at = _parse_evidence_due_at(d.pop("evidence_due_at"))

        def _parse_page_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        page_url = _parse_page_url(d.pop("page_url"))

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

        dispute = cls(
            id=id,
            provider=provider,
            account_id=account_id,
            order_id=order_id,
            amount=amount,
            currency=currency,
            status=status,
            reason=reason,
            is_inquiry=is_inquiry,
            evidence_due_at=evidence_due_at,
            page_url=page_url,
            created_at=created_at,
            ended_at=ended_at,
        )

        dispute.additional_properties = d
        return dispute

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
