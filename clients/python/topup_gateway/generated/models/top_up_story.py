from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.top_up_status import TopUpStatus, check_top_up_status
from ..models.top_up_story_next_action import TopUpStoryNextAction, check_top_up_story_next_action
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.deliverable import Deliverable
    from ..models.event_of_top_up import EventOfTopUp
    from ..models.fulfilment_attempt import FulfilmentAttempt
    from ..models.link import Link
    from ..models.recipient_mail import RecipientMail
    from ..models.reversal import Reversal
    from ..models.shown_delivery import ShownDelivery
    from ..models.top_up_story_metadata import TopUpStoryMetadata
    from ..models.transfer import Transfer


T = TypeVar("T", bound="TopUpStory")


@_attrs_define
class TopUpStory:
    """A top-up with everything that came of it; approval_id where a person was asked.

    needs_review: nobody knows whether its supplier delivered, and nobody can find out but a person
    of the operator's. reversal: null unless somebody wanted it back. supplier and cost_cents are for
    operators, and null for everybody else.

    """

    transaction_id: str
    """ The top-up's id. """
    status: TopUpStatus
    """ Where a top-up is. """
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
    new_balance_cents: int | None
    """ In US cents. """
    reference: None | str
    """ The sender's own name for it, once per environment. """
    metadata: TopUpStoryMetadata
    """ Pairs of the sender's own. """
    note: None | str
    """ A note of the sender's own. """
    failure_reason: None | str
    """ Why it failed or was called off; null: it did not. """
    delivery: None | ShownDelivery
    """ How it reaches its recipient; null: nothing was said. """
    claim_url: None | str
    """ The recipient's page, as good as the code itself: null unless you may see it, and in answers that are kept
    for a repeated call. """
    claimed_at: datetime.datetime | None
    """ When the recipient opened it first. """
    emailed_at: datetime.datetime | None
    """ When a mail server took the first mail about it. """
    key_id: None | str
    """ That sent it; null: no key. """
    key_name: None | str
    """ What that key was called then. """
    scheduled_for: datetime.datetime | None
    """ When it is to be sent, by the account's own clock. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    settled_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    transfers: list[Transfer]
    """ The movements on the ledger. """
    events: list[EventOfTopUp]
    """ The events that tell of it. """
    attempts: list[FulfilmentAttempt]
    """ Each turn at a supplier. """
    mails: list[RecipientMail]
    """ The mails to its recipient. """
    needs_review: bool
    """ Nobody knows whether its supplier delivered, and nobody but a person of the operator's can find out. """
    reversal: None | Reversal
    """ That somebody wanted it back; null: nobody did. """
    supplier: None | str
    """ Who provides it; null but for operators. """
    cost_cents: int | None
    """ The supplier's, in US cents. """
    request_id: None | str
    """ The X-Request-Id of the send, which the top-up's webhooks carry too; null where it is no longer kept. """
    caller_address: None | str
    """ The address that its send came from; null: no call of the account's own. """
    idempotency_key: None | str
    """ The Idempotency-Key of its send, what looks like a secret masked. """
    url: str
    """ Its page of the dashboard, with its whole story; it stays. """
    approval_id: str | Unset = UNSET
    """ The approval's id; there where a person was asked. """
    links: list[Link] | Unset = UNSET
    """ While it waits: the calls that come next, the most useful first. """
    next_action: TopUpStoryNextAction | Unset = UNSET
    """ While it waits: ask links[] of rel poll again until the state is another. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.deliverable import Deliverable  # noqa: PLC0415
        from ..models.reversal import Reversal  # noqa: PLC0415
        from ..models.shown_delivery import ShownDelivery  # noqa: PLC0415

        transaction_id = self.transaction_id

        status: str = self.status

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

        new_balance_cents: int | None
        new_balance_cents = self.new_balance_cents

        reference: None | str
        reference = self.reference

        metadata = self.metadata.to_dict()

        note: None | str
        note = self.note

        failure_reason: None | str
        failure_reason = self.failure_reason

        delivery: dict[str, Any] | None
        if isinstance(self.delivery, ShownDelivery):
            delivery = self.delivery.to_dict()
        else:
            delivery = self.delivery

        claim_url: None | str
        claim_url = self.claim_url

        claimed_at: None | str
        if isinstance(self.claimed_at, datetime.datetime):
            claimed_at = self.claimed_at.isoformat()
        else:
            claimed_at = self.claimed_at

        emailed_at: None | str
        if isinstance(self.emailed_at, datetime.datetime):
            emailed_at = self.emailed_at.isoformat()
        else:
            emailed_at = self.emailed_at

        key_id: None | str
        key_id = self.key_id

        key_name: None | str
        key_name = self.key_name

        scheduled_for: None | str
        if isinstance(self.scheduled_for, datetime.datetime):
            scheduled_for = self.scheduled_for.isoformat()
        else:
            scheduled_for = self.scheduled_for

        created_at = self.created_at.isoformat()

        settled_at: None | str
        if isinstance(self.settled_at, datetime.datetime):
            settled_at = self.settled_at.isoformat()
        else:
            settled_at = self.settled_at

        transfers = []
        for transfers_item_data in self.transfers:
            transfers_item = transfers_item_data.to_dict()
            transfers.append(transfers_item)

        events = []
        for events_item_data in self.events:
            events_item = events_item_data.to_dict()
            events.append(events_item)

        attempts = []
        for attempts_item_data in self.attempts:
            attempts_item = attempts_item_data.to_dict()
            attempts.append(attempts_item)

        mails = []
        for mails_item_data in self.mails:
            mails_item = mails_item_data.to_dict()
            mails.append(mails_item)

        needs_review = self.needs_review

        reversal: dict[str, Any] | None
        if isinstance(self.reversal, Reversal):
            reversal = self.reversal.to_dict()
        else:
            reversal = self.reversal

        supplier: None | str
        supplier = self.supplier

        cost_cents: int | None
        cost_cents = self.cost_cents

        request_id: None | str
        request_id = self.request_id

        caller_address: None | str
        caller_address = self.caller_address

        idempotency_key: None | str
        idempotency_key = self.idempotency_key

        url = self.url

        approval_id = self.approval_id

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
                "transaction_id": transaction_id,
                "status": status,
                "platform": platform,
                "amount_cents": amount_cents,
                "fee_cents": fee_cents,
                "charged_cents": charged_cents,
                "recipient_email": recipient_email,
                "voucher_code": voucher_code,
                "voucher_code_hint": voucher_code_hint,
                "deliverable": deliverable,
                "new_balance_cents": new_balance_cents,
                "reference": reference,
                "metadata": metadata,
                "note": note,
                "failure_reason": failure_reason,
                "delivery": delivery,
                "claim_url": claim_url,
                "claimed_at": claimed_at,
                "emailed_at": emailed_at,
                "key_id": key_id,
                "key_name": key_name,
                "scheduled_for": scheduled_for,
                "created_at": created_at,
                "settled_at": settled_at,
                "transfers": transfers,
                "events": events,
                "attempts": attempts,
                "mails": mails,
                "needs_review": needs_review,
                "reversal": reversal,
                "supplier": supplier,
                "cost_cents": cost_cents,
                "request_id": request_id,
                "caller_address": caller_address,
                "idempotency_key": idempotency_key,
                "url": url,
            }
        )
        if approval_id is not UNSET:
            field_dict["approval_id"] = approval_id
        if links is not UNSET:
            field_dict["links"] = links
        if next_action is not UNSET:
            field_dict["next_action"] = next_action

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.deliverable import Deliverable  # noqa: PLC0415
        from ..models.event_of_top_up import EventOfTopUp  # noqa: PLC0415
        from ..models.fulfilment_attempt import FulfilmentAttempt  # noqa: PLC0415
        from ..models.link import Link  # noqa: PLC0415
        from ..models.recipient_mail import RecipientMail  # noqa: PLC0415
        from ..models.reversal import Reversal  # noqa: PLC0415
        from ..models.shown_delivery import ShownDelivery  # noqa: PLC0415
        from ..models.top_up_story_metadata import TopUpStoryMetadata  # noqa: PLC0415
        from ..models.transfer import Transfer  # noqa: PLC0415

        d = dict(src_dict)
        transaction_id = d.pop("transaction_id")

        status = check_top_up_status(d.pop("status"))

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

        def _parse_new_balance_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        new_balance_cents = _parse_new_balance_cents(d.pop("new_balance_cents"))

        def _parse_reference(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reference = _parse_reference(d.pop("reference"))

        metadata = TopUpStoryMetadata.from_dict(d.pop("metadata"))

        def _parse_note(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        note = _parse_note(d.pop("note"))

        def _parse_failure_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        failure_reason = _parse_failure_reason(d.pop("failure_reason"))

        def _parse_delivery(data: object) -> None | ShownDelivery:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                delivery_type_0 = ShownDelivery.from_dict(data)

                return delivery_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | ShownDelivery, data)

        delivery = _parse_delivery(d.pop("delivery"))

        def _parse_claim_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        claim_url = _parse_claim_url(d.pop("claim_url"))

        def _parse_claimed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                claimed_at_type_0 = datetime.datetime.fromisoformat(data)

                return claimed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        claimed_at = _parse_claimed_at(d.pop("claimed_at"))

        def _parse_emailed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                emailed_at_type_0 = datetime.datetime.fromisoformat(data)

                return emailed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        emailed_at = _parse_emailed_at(d.pop("emailed_at"))

        def _parse_key_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        key_id = _parse_key_id(d.pop("key_id"))

        def _parse_key_name(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        key_name = _parse_key_name(d.pop("key_name"))

        def _parse_scheduled_for(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                scheduled_for_type_0 = datetime.datetime.fromisoformat(data)

                return scheduled_for_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        scheduled_for = _parse_scheduled_for(d.pop("scheduled_for"))

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

        transfers = []
        _transfers = d.pop("transfers")
        for transfers_item_data in _transfers:
            transfers_item = Transfer.from_dict(transfers_item_data)

            transfers.append(transfers_item)

        events = []
        _events = d.pop("events")
        for events_item_data in _events:
            events_item = EventOfTopUp.from_dict(events_item_data)

            events.append(events_item)

        attempts = []
        _attempts = d.pop("attempts")
        for attempts_item_data in _attempts:
            attempts_item = FulfilmentAttempt.from_dict(attempts_item_data)

            attempts.append(attempts_item)

        mails = []
        _mails = d.pop("mails")
        for mails_item_data in _mails:
            mails_item = RecipientMail.from_dict(mails_item_data)

            mails.append(mails_item)

        needs_review = d.pop("needs_review")

        def _parse_reversal(data: object) -> None | Reversal:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                reversal_type_0 = Reversal.from_dict(data)

                return reversal_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Reversal, data)

        reversal = _parse_reversal(d.pop("reversal"))

        def _parse_supplier(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        supplier = _parse_supplier(d.pop("supplier"))

        def _parse_cost_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        cost_cents = _parse_cost_cents(d.pop("cost_cents"))

        def _parse_request_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        request_id = _parse_request_id(d.pop("request_id"))

        def _parse_caller_address(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        caller_address = _parse_caller_address(d.pop("caller_address"))

        def _parse_idempotency_key(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        idempotency_key = _parse_idempotency_key(d.pop("idempotency_key"))

        url = d.pop("url")

        approval_id = d.pop("approval_id", UNSET)

        _links = d.pop("links", UNSET)
        links: list[Link] | Unset = UNSET
        if _links is not UNSET:
            links = []
            for links_item_data in _links:
                links_item = Link.from_dict(links_item_data)

                links.append(links_item)

        _next_action = d.pop("next_action", UNSET)
        next_action: TopUpStoryNextAction | Unset
        if isinstance(_next_action, Unset):
            next_action = UNSET
        else:
            next_action = check_top_up_story_next_action(_next_action)

        top_up_story = cls(
            transaction_id=transaction_id,
            status=status,
            platform=platform,
            amount_cents=amount_cents,
            fee_cents=fee_cents,
            charged_cents=charged_cents,
            recipient_email=recipient_email,
            voucher_code=voucher_code,
            voucher_code_hint=voucher_code_hint,
            deliverable=deliverable,
            new_balance_cents=new_balance_cents,
            reference=reference,
            metadata=metadata,
            note=note,
            failure_reason=failure_reason,
            delivery=delivery,
            claim_url=claim_url,
            claimed_at=claimed_at,
            emailed_at=emailed_at,
            key_id=key_id,
            key_name=key_name,
            scheduled_for=scheduled_for,
            created_at=created_at,
            settled_at=settled_at,
            transfers=transfers,
            events=events,
            attempts=attempts,
            mails=mails,
            needs_review=needs_review,
            reversal=reversal,
            supplier=supplier,
            cost_cents=cost_cents,
            request_id=request_id,
            caller_address=caller_address,
            idempotency_key=idempotency_key,
            url=url,
            approval_id=approval_id,
            links=links,
            next_action=next_action,
        )

        top_up_story.additional_properties = d
        return top_up_story

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
