from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="BillingDetailsBody")


@_attrs_define
class BillingDetailsBody:
    """Whom documents are made out to from now on; those that exist stay as they are."""

    name: str | Unset = UNSET
    """ Whom documents are made out to; empty: the account's own name. """
    address: str | Unset = UNSET
    """ At most 8 lines, apart by line ends. """
    tax_id: str | Unset = UNSET
    """ The tax number. """

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        address = self.address

        tax_id = self.tax_id

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if name is not UNSET:
            field_dict["name"] = name
        if address is not UNSET:
            field_dict["address"] = address
        if tax_id is not UNSET:
            field_dict["tax_id"] = tax_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name", UNSET)

        address = d.pop("address", UNSET)

        tax_id = d.pop("tax_id", UNSET)

        billing_details_body = cls(
            name=name,
            address=address,
            tax_id=tax_id,
        )

        return billing_details_body
