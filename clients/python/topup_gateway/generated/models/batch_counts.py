from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="BatchCounts")


@_attrs_define
class BatchCounts:
    """A batch's items by where they are, and the cents of those that were accepted and delivered."""

    waiting: int
    """ Neither accepted nor refused yet. """
    accepted: int
    """ What follows, all seven together. """
    scheduled: int
    """ To be sent later. """
    pending: int
    """ Waiting for their platform or an approval. """
    delivered: int
    """ Credited to their recipients. """
    failed: int
    """ Their funds are back. """
    cancelled: int
    """ Their funds are back. """
    reversing: int
    """ Their supplier is asked to take them back. """
    reversed_: int
    """ Their funds are back. """
    refused: int
    """ Nothing was taken for them. """
    dropped: int
    """ Not accepted, since of all or nothing another item was refused. """
    accepted_cents: int
    """ Of all that was accepted, in US cents. """
    delivered_cents: int
    """ Of what was delivered, in US cents. """
    fee_cents: int
    """ Charged beside the amounts of all that was accepted. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        waiting = self.waiting

        accepted = self.accepted

        scheduled = self.scheduled

        pending = self.pending

        delivered = self.delivered

        failed = self.failed

        cancelled = self.cancelled

        reversing = self.reversing

        reversed_ = self.reversed_

        refused = self.refused

        dropped = self.dropped

        accepted_cents = self.accepted_cents

        delivered_cents = self.delivered_cents

        fee_cents = self.fee_cents

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "waiting": waiting,
                "accepted": accepted,
                "scheduled": scheduled,
                "pending": pending,
                "delivered": delivered,
                "failed": failed,
                "cancelled": cancelled,
                "reversing": reversing,
                "reversed": reversed_,
                "refused": refused,
                "dropped": dropped,
                "accepted_cents": accepted_cents,
                "delivered_cents": delivered_cents,
                "fee_cents": fee_cents,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        waiting = d.pop("waiting")

        accepted = d.pop("accepted")

        scheduled = d.pop("scheduled")

        pending = d.pop("pending")

        delivered = d.pop("delivered")

        failed = d.pop("failed")

        cancelled = d.pop("cancelled")

        reversing = d.pop("reversing")

        reversed_ = d.pop("reversed")

        refused = d.pop("refused")

        dropped = d.pop("dropped")

        accepted_cents = d.pop("accepted_cents")

        delivered_cents = d.pop("delivered_cents")

        fee_cents = d.pop("fee_cents")

        batch_counts = cls(
            waiting=waiting,
            accepted=accepted,
            scheduled=scheduled,
            pending=pending,
            delivered=delivered,
            failed=failed,
            cancelled=cancelled,
            reversing=reversing,
            reversed_=reversed_,
            refused=refused,
            dropped=dropped,
            accepted_cents=accepted_cents,
            delivered_cents=delivered_cents,
            fee_cents=fee_cents,
        )

        batch_counts.additional_properties = d
        return batch_counts

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
