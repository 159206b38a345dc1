from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.item_error import ItemError


T = TypeVar("T", bound="BulkQuote")


@_attrs_define
class BulkQuote:
    """What a bulk send would do now; with all_or_nothing nothing is accepted where errors has one."""

    items_total: int
    """ How many items it has. """
    accepted: int
    """ How many items would be accepted. """
    refused: int
    """ How many items would be refused. """
    accepted_cents: int
    """ The amounts, in US cents. """
    fee_cents: int
    """ Charged beside them, in US cents. """
    charged_cents: int
    """ What it would cost, amounts and fees, in US cents. """
    wallet_balance_cents: int
    """ In US cents. """
    wallet_balance_after_cents: int
    """ In US cents. """
    errors: list[ItemError]
    """ The items that would be refused. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        items_total = self.items_total

        accepted = self.accepted

        refused = self.refused

        accepted_cents = self.accepted_cents

        fee_cents = self.fee_cents

        charged_cents = self.charged_cents

        wallet_balance_cents = self.wallet_balance_cents

        wallet_balance_after_cents = self.wallet_balance_after_cents

        errors = []
        for errors_item_data in self.errors:
            errors_item = errors_item_data.to_dict()
            errors.append(errors_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "items_total": items_total,
                "accepted": accepted,
                "refused": refused,
                "accepted_cents": accepted_cents,
                "fee_cents": fee_cents,
                "charged_cents": charged_cents,
                "wallet_balance_cents": wallet_balance_cents,
                "wallet_balance_after_cents": wallet_balance_after_cents,
                "errors": errors,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.item_error import ItemError  # noqa: PLC0415

        d = dict(src_dict)
        items_total = d.pop("items_total")

        accepted = d.pop("accepted")

        refused = d.pop("refused")

        accepted_cents = d.pop("accepted_cents")

        fee_cents = d.pop("fee_cents")

        charged_cents = d.pop("charged_cents")

        wallet_balance_cents = d.pop("wallet_balance_cents")

        wallet_balance_after_cents = d.pop("wallet_balance_after_cents")

        errors = []
        _errors = d.pop("errors")
        for errors_item_data in _errors:
            errors_item = ItemError.from_dict(errors_item_data)

            errors.append(errors_item)

        bulk_quote = cls(
            items_total=items_total,
            accepted=accepted,
            refused=refused,
            accepted_cents=accepted_cents,
            fee_cents=fee_cents,
            charged_cents=charged_cents,
            wallet_balance_cents=wallet_balance_cents,
            wallet_balance_after_cents=wallet_balance_after_cents,
            errors=errors,
        )

        bulk_quote.additional_properties = d
        return bulk_quote

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
