from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.top_up_status import TopUpStatus, check_top_up_status

if TYPE_CHECKING:
    from ..models.sealed_day import SealedDay


T = TypeVar("T", bound="TopUpReceipt")


@_attrs_define
class TopUpReceipt:
    """A top-up's receipt, to keep and to check without the gateway."""

    transaction_id: str
    """ The top-up's id. """
    status: TopUpStatus
    """ Where a top-up is. """
    receipt: str
    """ JWS in compact form, Ed25519: payment, transfers with their proofs, the deliverable's digest, mandate and
    approval. `topup verify-receipt` checks it. """
    checkpoint: None | SealedDay
    """ The sealed day of its last transfer; null until all are sealed: ask again a day later. """
    keys_url: str
    """ The public keys as a JWK Set. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.sealed_day import SealedDay  # noqa: PLC0415

        transaction_id = self.transaction_id

        status: str = self.status

        receipt = self.receipt

        checkpoint: dict[str, Any] | None
        if isinstance(self.checkpoint, SealedDay):
            checkpoint = self.checkpoint.to_dict()
        else:
            checkpoint = self.checkpoint

        keys_url = self.keys_url

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "transaction_id": transaction_id,
                "status": status,
                "receipt": receipt,
                "checkpoint": checkpoint,
                "keys_url": keys_url,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.sealed_day import SealedDay  # noqa: PLC0415

        d = dict(src_dict)
        transaction_id = d.pop("transaction_id")

        status = check_top_up_status(d.pop("status"))

        receipt = d.pop("receipt")

        def _parse_checkpoint(data: object) -> None | SealedDay:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                checkpoint_type_0 = SealedDay.from_dict(data)

                return checkpoint_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | SealedDay, data)

        checkpoint = _parse_checkpoint(d.pop("checkpoint"))

        keys_url = d.pop("keys_url")

        top_up_receipt = cls(
            transaction_id=transaction_id,
            status=status,
            receipt=receipt,
            checkpoint=checkpoint,
            keys_url=keys_url,
        )

        top_up_receipt.additional_properties = d
        return top_up_receipt

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
