from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.sent_for_approval_next_action import (
    SentForApprovalNextAction,
    check_sent_for_approval_next_action,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.deliverable import Deliverable
    from ..models.held import Held
    from ..models.link import Link


T = TypeVar("T", bound="SentForApproval")


@_attrs_define
class SentForApproval:
    """A send that waits for a person; until then its funds are held."""

    voucher_code: None | str
    """ What redeems the credit: a voucher ATU-…, or the code of the platform's own that was handed over in its
    place. Null unless you may see it. """
    voucher_code_hint: None | str
    """ The code's last four characters. """
    deliverable: Deliverable | None
    """ What the recipient is given; null: nothing yet. """
    platform: str
    """ The platform, as GET /platforms names it. """
    amount_cents: int
    """ In US cents. """
    fee_cents: int
    """ Charged beside the amount, in US cents. """
    charged_cents: int
    """ What the sender paid, amount and fee, in US cents. """
    new_balance_cents: int | None
    """ The recipient's wallet of that platform, in US cents. """
    recipient_email: str
    """ The recipient's address. """
    wallet_balance_cents: int
    """ The sender's own wallet afterwards, in US cents. """
    claim_url: None | str
    """ The recipient's page, as good as the code itself: null unless you may see it. """
    links: list[Link]
    """ While it waits: the calls that come next, the most useful first. """
    next_action: SentForApprovalNextAction
    """ While it waits: ask links[] of rel poll again until the state is another. """
    approval: Held
    """ Where a person decides on a send above the key's threshold. """
    scheduled_for: datetime.datetime | Unset = UNSET
    """ When it is to be sent, by the account's own clock. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.deliverable import Deliverable  # noqa: PLC0415

        voucher_code: None | str
        voucher_code = self.voucher_code

        voucher_code_hint: None | str
        voucher_code_hint = self.voucher_code_hint

        deliverable: dict[str, Any] | None
        if isinstance(self.deliverable, Deliverable):
            deliverable = self.deliverable.to_dict()
        else:
            deliverable = self.deliverable

        platform = self.platform

        amount_cents = self.amount_cents

        fee_cents = self.fee_cents

        charged_cents = self.charged_cents

        new_balance_cents: int | None
        new_balance_cents = self.new_balance_cents

        recipient_email = self.recipient_email

        wallet_balance_cents = self.wallet_balance_cents

        claim_url: None | str
        claim_url = self.claim_url

        links = []
        for links_item_data in self.links:
            links_item = links_item_data.to_dict()
            links.append(links_item)

        next_action: str = self.next_action

        approval = self.approval.to_dict()

        scheduled_for: str | Unset = UNSET
        if not isinstance(self.scheduled_for, Unset):
            scheduled_for = self.scheduled_for.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "voucher_code": voucher_code,
                "voucher_code_hint": voucher_code_hint,
                "deliverable": deliverable,
                "platform": platform,
                "amount_cents": amount_cents,
                "fee_cents": fee_cents,
                "charged_cents": charged_cents,
                "new_balance_cents": new_balance_cents,
                "recipient_email": recipient_email,
                "wallet_balance_cents": wallet_balance_cents,
                "claim_url": claim_url,
                "links": links,
                "next_action": next_action,
                "approval": approval,
            }
        )
        if scheduled_for is not UNSET:
            field_dict["scheduled_for"] = scheduled_for

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.deliverable import Deliverable  # noqa: PLC0415
        from ..models.held import Held  # noqa: PLC0415
        from ..models.link import Link  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_voucher_code(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        voucher_code = _parse_voucher_code(d.pop("voucher_code"))

        def _parse_voucher_code_hint(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        voucher_code_hint = _parse_voucher_code_hint(d.pop("voucher_code_hint"))

        def _parse_deliverable(data: object) -> Deliverable | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                deliverable_type_0 = Deliverable.from_dict(data)

                return deliverable_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Deliverable | None, data)

        deliverable = _parse_deliverable(d.pop("deliverable"))

        platform = d.pop("platform")

        amount_cents = d.pop("amount_cents")

        fee_cents = d.pop("fee_cents")

        charged_cents = d.pop("charged_cents")

        def _parse_new_balance_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        new_balance_cents = _parse_new_balance_cents(d.pop("new_balance_cents"))

        recipient_email = d.pop("recipient_email")

        wallet_balance_cents = d.pop("wallet_balance_cents")

        def _parse_claim_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        claim_url = _parse_claim_url(d.pop("claim_url"))

        links = []
        _links = d.pop("links")
        for links_item_data in _links:
            links_item = Link.from_dict(links_item_data)

            links.append(links_item)

        next_action = check_sent_for_approval_next_action(d.pop("next_action"))

        approval = Held.from_dict(d.pop("approval"))

        _scheduled_for = d.pop("scheduled_for", UNSET)
        scheduled_for: datetime.datetime | Unset
        if isinstance(_scheduled_for, Unset):
            scheduled_for = UNSET
        else:
            scheduled_for = datetime.datetime.fromisoformat(_scheduled_for)

        sent_for_approval = cls(
            voucher_code=voucher_code,
            voucher_code_hint=voucher_code_hint,
            deliverable=deliverable,
            platform=platform,
            amount_cents=amount_cents,
            fee_cents=fee_cents,
            charged_cents=charged_cents,
            new_balance_cents=new_balance_cents,
            recipient_email=recipient_email,
            wallet_balance_cents=wallet_balance_cents,
            claim_url=claim_url,
            links=links,
            next_action=next_action,
            approval=approval,
            scheduled_for=scheduled_for,
        )

        sent_for_approval.additional_properties = d
        return sent_for_approval

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
