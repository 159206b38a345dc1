from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.machine_payment_shape_state import (
    MachinePaymentShapeState,
    check_machine_payment_shape_state,
)

T = TypeVar("T", bound="MachinePaymentShape")


@_attrs_define
class MachinePaymentShape:
    """The payment, as it stands."""

    id: str
    """ Its id. """
    state: MachinePaymentShapeState
    """ settling: its outcome is asked for; ask again with the same payment. """
    network: str
    """ As CAIP-2 names it, such as eip155:8453; by card: stripe. """
    asset: str
    """ The contract of the token; by card: usd. """
    amount: str
    """ In atomic units of the asset; by card in US cents. """
    payer: str
    """ The wallet that signed the payment; by card the token's end. """
    settlement: None | str
    """ The transaction's hash on the network, or the card's payment, once known. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    settled_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        state: str = self.state

        network = self.network

        asset = self.asset

        amount = self.amount

        payer = self.payer

        settlement: None | str
        settlement = self.settlement

        created_at = self.created_at.isoformat()

        settled_at: None | str
        if isinstance(self.settled_at, datetime.datetime):
            settled_at = self.settled_at.isoformat()
        else:
            settled_at = self.settled_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "state": state,
                "network": network,
                "asset": asset,
                "amount": amount,
                "payer": payer,
                "settlement": settlement,
                "created_at": created_at,
                "settled_at": settled_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        state = check_machine_payment_shape_state(d.pop("state"))

        network = d.pop("network")

        asset = d.pop("asset")

        amount = d.pop("amount")

        payer = d.pop("payer")

        def _parse_settlement(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        settlement = _parse_settlement(d.pop("settlement"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_settled_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                settled_at_type_0 = datetime.datetime.fromisoformat(data)

                return settled_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        settled_at = _parse_settled_at(d.pop("settled_at"))

        machine_payment_shape = cls(
            id=id,
            state=state,
            network=network,
            asset=asset,
            amount=amount,
            payer=payer,
            settlement=settlement,
            created_at=created_at,
            settled_at=settled_at,
        )

        machine_payment_shape.additional_properties = d
        return machine_payment_shape

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
