from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.audit_entry_environment_type_0 import (
    AuditEntryEnvironmentType0,
    check_audit_entry_environment_type_0,
)

if TYPE_CHECKING:
    from ..models.audit_actor import AuditActor
    from ..models.audit_entry_after_type_0 import AuditEntryAfterType0
    from ..models.audit_entry_before_type_0 import AuditEntryBeforeType0


T = TypeVar("T", bound="AuditEntry")


@_attrs_define
class AuditEntry:
    """One thing that concerns the account's security."""

    id: str
    """ Its id, adt_…. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    action: str
    """ Such as key.created or session.begun. """
    outcome: str
    """ Whether it was done or refused. """
    environment: AuditEntryEnvironmentType0 | None
    """ null: it concerns the account as a whole. """
    subject_id: str
    """ What it was done to. """
    actor: AuditActor
    """ Who did it. id and name are of the key, token, session or app; name is today's. """
    key_id: None | str
    """ The API key that did it; null: no key. """
    key_name: None | str
    """ The key's name as it is today; null: no key. """
    address: None | str
    """ Where the request came from. """
    user_agent: None | str
    """ What the request said of its program; null: nothing. """
    before: AuditEntryBeforeType0 | None
    """ What differed before. """
    after: AuditEntryAfterType0 | None
    """ What it is now. """
    reason: None | str
    """ Why it was done or refused; null: not said. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.audit_entry_after_type_0 import AuditEntryAfterType0  # noqa: PLC0415
        from ..models.audit_entry_before_type_0 import AuditEntryBeforeType0  # noqa: PLC0415

        id = self.id

        created_at = self.created_at.isoformat()

        action = self.action

        outcome = self.outcome

        environment: None | str
        if isinstance(self.environment, str):
            environment = self.environment
        else:
            environment = self.environment

        subject_id = self.subject_id

        actor = self.actor.to_dict()

        key_id: None | str
        key_id = self.key_id

        key_name: None | str
        key_name = self.key_name

        address: None | str
        address = self.address

        user_agent: None | str
        user_agent = self.user_agent

        before: dict[str, Any] | None
        if isinstance(self.before, AuditEntryBeforeType0):
            before = self.before.to_dict()
        else:
            before = self.before

        after: dict[str, Any] | None
        if isinstance(self.after, AuditEntryAfterType0):
            after = self.after.to_dict()
        else:
            after = self.after

        reason: None | str
        reason = self.reason

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "created_at": created_at,
                "action": action,
                "outcome": outcome,
                "environment": environment,
                "subject_id": subject_id,
                "actor": actor,
                "key_id": key_id,
                "key_name": key_name,
                "address": address,
                "user_agent": user_agent,
                "before": before,
                "after": after,
                "reason": reason,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.audit_actor import AuditActor  # noqa: PLC0415
        from ..models.audit_entry_after_type_0 import AuditEntryAfterType0  # noqa: PLC0415
        from ..models.audit_entry_before_type_0 import AuditEntryBeforeType0  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        action = d.pop("action")

        outcome = d.pop("outcome")

        def _parse_environment(data: object) -> AuditEntryEnvironmentType0 | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                environment_type_0 = check_audit_entry_environment_type_0(data)

                return environment_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AuditEntryEnvironmentType0 | None, data)

        environment = _parse_environment(d.pop("environment"))

        subject_id = d.pop("subject_id")

        actor = AuditActor.from_dict(d.pop("actor"))

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

        def _parse_address(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        address = _parse_address(d.pop("address"))

        def _parse_user_agent(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        user_agent = _parse_user_agent(d.pop("user_agent"))

        def _parse_before(data: object) -> AuditEntryBeforeType0 | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                before_type_0 = AuditEntryBeforeType0.from_dict(data)

                return before_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AuditEntryBeforeType0 | None, data)

        before = _parse_before(d.pop("before"))

        def _parse_after(data: object) -> AuditEntryAfterType0 | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                after_type_0 = AuditEntryAfterType0.from_dict(data)

                return after_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AuditEntryAfterType0 | None, data)

        after = _parse_after(d.pop("after"))

        def _parse_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reason = _parse_reason(d.pop("reason"))

        audit_entry = cls(
            id=id,
            created_at=created_at,
            action=action,
            outcome=outcome,
            environment=environment,
            subject_id=subject_id,
            actor=actor,
            key_id=key_id,
            key_name=key_name,
            address=address,
            user_agent=user_agent,
            before=before,
            after=after,
            reason=reason,
        )

        audit_entry.additional_properties = d
        return audit_entry

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
