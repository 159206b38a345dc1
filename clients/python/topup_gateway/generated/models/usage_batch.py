from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.usage_verdict import UsageVerdict


T = TypeVar("T", bound="UsageBatch")


@_attrs_define
class UsageBatch:
    """What became of each record, in their order. amount_micros: what this call charged."""

    records_total: int
    """ How many records there were. """
    charged: int
    """ How many were charged now. """
    repeated: int
    """ How many were charged before, under their reference. """
    refused: int
    """ How many were refused. """
    amount_micros: int
    """ In millionths of a US dollar. """
    balance_micros: int
    """ The account's wallet afterwards, in millionths of a US dollar. """
    balance_credits: int
    """ The same in credits of $0.001, floored. """
    balance_cents: int
    """ The same in US cents, floored. """
    results: list[UsageVerdict]
    """ What became of each, in their order. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        records_total = self.records_total

        charged = self.charged

        repeated = self.repeated

        refused = self.refused

        amount_micros = self.amount_micros

        balance_micros = self.balance_micros

        balance_credits = self.balance_credits

        balance_cents = self.balance_cents

        results = []
        for results_item_data in self.results:
            results_item = results_item_data.to_dict()
            results.append(results_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "records_total": records_total,
                "charged": charged,
                "repeated": repeated,
                "refused": refused,
                "amount_micros": amount_micros,
                "balance_micros": balance_micros,
                "balance_credits": balance_credits,
                "balance_cents": balance_cents,
                "results": results,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.usage_verdict import UsageVerdict  # noqa: PLC0415

        d = dict(src_dict)
        records_total = d.pop("records_total")

        charged = d.pop("charged")

        repeated = d.pop("repeated")

        refused = d.pop("refused")

        amount_micros = d.pop("amount_micros")

        balance_micros = d.pop("balance_micros")

        balance_credits = d.pop("balance_credits")

        balance_cents = d.pop("balance_cents")

        results = []
        _results = d.pop("results")
        for results_item_data in _results:
            results_item = UsageVerdict.from_dict(results_item_data)

            results.append(results_item)

        usage_batch = cls(
            records_total=records_total,
            charged=charged,
            repeated=repeated,
            refused=refused,
            amount_micros=amount_micros,
            balance_micros=balance_micros,
            balance_credits=balance_credits,
            balance_cents=balance_cents,
            results=results,
        )

        usage_batch.additional_properties = d
        return usage_batch

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
