from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.paid_top_up_next_action import PaidTopUpNextAction, check_paid_top_up_next_action
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.deliverable import Deliverable
    from ..models.failure import Failure
    from ..models.given_back import GivenBack
    from ..models.held import Held
    from ..models.link import Link
    from ..models.machine_payment_shape import MachinePaymentShape


T = TypeVar("T", bound="PaidTopUp")


@_attrs_define
class PaidTopUp:
    """A top-up that its request paid for. What can be spent is null for whoever does not show the payment's
    identifier.

    """

    platform: str
    """ The platform, as GET /platforms names it. """
    amount_cents: int
    """ In US cents. """
    fee_cents: int
    """ Charged beside the amount, in US cents. """
    charged_cents: int
    """ What the sender paid, amount and fee, in US cents. """
    recipient_email: str
    """ The recipient's address. """
    voucher_code: None | str
    """ What redeems the credit: a voucher ATU-…, or the code of the platform's own that was handed over in its
    place. Null unless you may see it. """
    voucher_code_hint: None | str
    """ The code's last four characters. """
    deliverable: Deliverable | None
    """ What the recipient is given; null: nothing yet. """
    claim_url: None | str
    """ The recipient's page, as good as the code itself. """
    payment: MachinePaymentShape | None
    """ Null where an intent was met without one. """
    refund: GivenBack | None
    """ What was paid and could not be delivered. """
    error: Failure | Unset = UNSET
    """ What is wrong and what to do about it; some causes add facts of their own. """
    approval: Held | Unset = UNSET
    """ Where a person decides on a send above the key's threshold. """
    links: list[Link] | Unset = UNSET
    """ While it waits: the calls that come next, the most useful first. """
    next_action: PaidTopUpNextAction | Unset = UNSET
    """ While it waits: ask links[] of rel poll again until the state is another. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.deliverable import Deliverable  # noqa: PLC0415
        from ..models.given_back import GivenBack  # noqa: PLC0415
        from ..models.machine_payment_shape import MachinePaymentShape  # noqa: PLC0415

        platform = self.platform

        amount_cents = self.amount_cents

        fee_cents = self.fee_cents

        charged_cents = self.charged_cents

        recipient_email = self.recipient_email

        voucher_code: None | str
        voucher_code = self.voucher_code

        voucher_code_hint: None | str
        voucher_code_hint = self.voucher_code_hint

        deliverable: dict[str, Any] | None
        if isinstance(self.deliverable, Deliverable):
            deliverable = self.deliverable.to_dict()
        else:
            deliverable = self.deliverable

        claim_url: None | str
        claim_url = self.claim_url

        payment: dict[str, Any] | None
        if isinstance(self.payment, MachinePaymentShape):
            payment = self.payment.to_dict()
        else:
            payment = self.payment

        refund: dict[str, Any] | None
        if isinstance(self.refund, GivenBack):
            refund = self.refund.to_dict()
        else:
            refund = self.refund

        error: dict[str, Any] | Unset = UNSET
        if not isinstance(self.error, Unset):
            error = self.error.to_dict()

        approval: dict[str, Any] | Unset = UNSET
        if not isinstance(self.approval, Unset):
            approval = self.approval.to_dict()

        links: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.links, Unset):
            links = []
            for links_item_data in self.links:
                links_item = links_item_data.to_dict()
                links.append(links_item)

        next_action: str | Unset = UNSET
        if not isinstance(self.next_action, Unset):
            next_action = self.next_action

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "platform": platform,
                "amount_cents": amount_cents,
                "fee_cents": fee_cents,
                "charged_cents": charged_cents,
                "recipient_email": recipient_email,
                "voucher_code": voucher_code,
                "voucher_code_hint": voucher_code_hint,
                "deliverable": deliverable,
                "claim_url": claim_url,
                "payment": payment,
                "refund": refund,
            }
        )
        if error is not UNSET:
            field_dict["error"] = error
        if approval is not UNSET:
            field_dict["approval"] = approval
        if links is not UNSET:
            field_dict["links"] = links
        if next_action is not UNSET:
            field_dict["next_action"] = next_action

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.deliverable import Deliverable  # noqa: PLC0415
        from ..models.failure import Failure  # noqa: PLC0415
        from ..models.given_back import GivenBack  # noqa: PLC0415
        from ..models.held import Held  # noqa: PLC0415
        from ..models.link import Link  # noqa: PLC0415
        from ..models.machine_payment_shape import MachinePaymentShape  # noqa: PLC0415

        d = dict(src_dict)
        platform = d.pop("platform")

        amount_cents = d.pop("amount_cents")

        fee_cents = d.pop("fee_cents")

        charged_cents = d.pop("charged_cents")

        recipient_email = d.pop("recipient_email")

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

        def _parse_claim_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        claim_url = _parse_claim_url(d.pop("claim_url"))

        def _parse_payment(data: object) -> MachinePaymentShape | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                payment_type_0 = MachinePaymentShape.from_dict(data)

                return payment_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(MachinePaymentShape | None, data)

        payment = _parse_payment(d.pop("payment"))

        def _parse_refund(data: object) -> GivenBack | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                refund_type_0 = GivenBack.from_dict(data)

                return refund_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(GivenBack | None, data)

        refund = _parse_refund(d.pop("refund"))

        _error = d.pop("error", UNSET)
        error: Failure | Unset
        if isinstance(_error, Unset):
            error = UNSET
        else:
            error = Failure.from_dict(_error)

        _approval = d.pop("approval", UNSET)
        approval: Held | Unset
        if isinstance(_approval, Unset):
            approval = UNSET
        else:
            approval = Held.from_dict(_approval)

        _links = d.pop("links", UNSET)
        links: list[Link] | Unset = UNSET
        if _links is not UNSET:
            links = []
            for links_item_data in _links:
                links_item = Link.from_dict(links_item_data)

                links.append(links_item)

        _next_action = d.pop("next_action", UNSET)
        next_action: PaidTopUpNextAction | Unset
        if isinstance(_next_action, Unset):
            next_action = UNSET
        else:
            next_action = check_paid_top_up_next_action(_next_action)

        paid_top_up = cls(
            platform=platform,
            amount_cents=amount_cents,
            fee_cents=fee_cents,
            charged_cents=charged_cents,
            recipient_email=recipient_email,
            voucher_code=voucher_code,
            voucher_code_hint=voucher_code_hint,
            deliverable=deliverable,
            claim_url=claim_url,
            payment=payment,
            refund=refund,
            error=error,
            approval=approval,
            links=links,
            next_action=next_action,
        )

        paid_top_up.additional_properties = d
        return paid_top_up

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
