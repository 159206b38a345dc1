from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.billing_document_kind import BillingDocumentKind, check_billing_document_kind

if TYPE_CHECKING:
    from ..models.tax_line import TaxLine


T = TypeVar("T", bound="BillingDocument")


@_attrs_define
class BillingDocument:
    """A receipt, or a note of what went back of its payment. It never changes."""

    id: str
    """ Its id, doc_…. """
    kind: BillingDocumentKind
    """ credit_note: money went back. debit_note: what a credit note said is undone, since the refund failed or the
    dispute was won. """
    number: str
    """ Without a gap in its series; TEST-… in staging. """
    order_id: str
    """ Of a plan's period: the order that began the plan. """
    subscription_id: None | str
    """ The subscription's id. """
    corrects: None | str
    """ The number of the receipt it is about. """
    amount: int
    """ Paid or paid back, with tax, in the smallest unit. """
    currency: str
    """ ISO 4217. """
    taxes: list[TaxLine]
    """ The taxes in the amount. """
    discount: int
    """ In the currency's smallest unit: USD has 2 places, KWD 3, JPY 0. """
    pdf_url: str
    """ Where its PDF is; needs the same credential. """
    dated_at: datetime.datetime
    """ When it was paid or paid back. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        kind: str = self.kind

        number = self.number

        order_id = self.order_id

        subscription_id: None | str
        subscription_id = self.subscription_id

        corrects: None | str
        corrects = self.corrects

        amount = self.amount

        currency = self.currency

        taxes = []
        for taxes_item_data in self.taxes:
            taxes_item = taxes_item_data.to_dict()
            taxes.append(taxes_item)

        discount = self.discount

        pdf_url = self.pdf_url

        dated_at = self.dated_at.isoformat()

        created_at = self.created_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "kind": kind,
                "number": number,
                "order_id": order_id,
                "subscription_id": subscription_id,
                "corrects": corrects,
                "amount": amount,
                "currency": currency,
                "taxes": taxes,
                "discount": discount,
                "pdf_url": pdf_url,
                "dated_at": dated_at,
                "created_at": created_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.tax_line import TaxLine  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        kind = check_billing_document_kind(d.pop("kind"))

        number = d.pop("number")

        order_id = d.pop("order_id")

        def _parse_subscription_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        subscription_id = _parse_subscription_id(d.pop("subscription_id"))

        def _parse_corrects(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        corrects = _parse_corrects(d.pop("corrects"))

        amount = d.pop("amount")

        currency = d.pop("currency")

        taxes = []
        _taxes = d.pop("taxes")
        for taxes_item_data in _taxes:
            taxes_item = TaxLine.from_dict(taxes_item_data)

            taxes.append(taxes_item)

        discount = d.pop("discount")

        pdf_url = d.pop("pdf_url")

        dated_at = datetime.datetime.fromisoformat(d.pop("dated_at"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        billing_document = cls(
            id=id,
            kind=kind,
            number=number,
            order_id=order_id,
            subscription_id=subscription_id,
            corrects=corrects,
            amount=amount,
            currency=currency,
            taxes=taxes,
            discount=discount,
            pdf_url=pdf_url,
            dated_at=dated_at,
            created_at=created_at,
        )

        billing_document.additional_properties = d
        return billing_document

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
