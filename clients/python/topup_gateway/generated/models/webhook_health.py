from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.failure_summary import FailureSummary
    from ..models.health_step import HealthStep
    from ..models.response_times import ResponseTimes


T = TypeVar("T", bound="WebhookHealth")


@_attrs_define
class WebhookHealth:
    """How an endpoint has been. since is later than asked where it had more deliveries than are looked at."""

    endpoint_id: str
    """ The webhook endpoint's id. """
    failing_since: datetime.datetime | None
    """ Since when nothing has arrived; null: it is well. """
    disable_at: datetime.datetime | None
    """ When it is disabled unless something arrives before; null: it was not warned of. """
    probe_at: datetime.datetime | None
    """ When it is asked whether it works again, while it is disabled for failing; null: it is not. """
    since: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    until: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    delivered: int
    """ How many arrived. """
    failed: int
    """ How many ended without, and did not when sent again. """
    pending: int
    """ How many are still tried. """
    success_rate: float | None
    """ Of those that ended; null: none did. """
    response_ms: ResponseTimes
    """ How long the receiver took to answer; null where nothing was answered. """
    failures: list[FailureSummary]
    """ Ten at most. """
    steps: list[HealthStep]
    """ 24 of equal length, the oldest first. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        endpoint_id = self.endpoint_id

        failing_since: None | str
        if isinstance(self.failing_since, datetime.datetime):
            failing_since = self.failing_since.isoformat()
        else:
            failing_since = self.failing_since

        disable_at: None | str
        if isinstance(self.disable_at, datetime.datetime):
            disable_at = self.disable_at.isoformat()
        else:
            disable_at = self.disable_at

        probe_at: None | str
        if isinstance(self.probe_at, datetime.datetime):
            probe_at = self.probe_at.isoformat()
        else:
            probe_at = self.probe_at

        since = self.since.isoformat()

        until = self.until.isoformat()

        delivered = self.delivered

        failed = self.failed

        pending = self.pending

        success_rate: float | None
        success_rate = self.success_rate

        response_ms = self.response_ms.to_dict()

        failures = []
        for failures_item_data in self.failures:
            failures_item = failures_item_data.to_dict()
            failures.append(failures_item)

        steps = []
        for steps_item_data in self.steps:
            steps_item = steps_item_data.to_dict()
            steps.append(steps_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "endpoint_id": endpoint_id,
                "failing_since": failing_since,
                "disable_at": disable_at,
                "probe_at": probe_at,
                "since": since,
                "until": until,
                "delivered": delivered,
                "failed": failed,
                "pending": pending,
                "success_rate": success_rate,
                "response_ms": response_ms,
                "failures": failures,
                "steps": steps,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.failure_summary import FailureSummary  # noqa: PLC0415
        from ..models.health_step import HealthStep  # noqa: PLC0415
        from ..models.response_times import ResponseTimes  # noqa: PLC0415

        d = dict(src_dict)
        endpoint_id = d.pop("endpoint_id")

        def _parse_failing_since(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                failing_since_type_0 = datetime.datetime.fromisoformat(data)

                return failing_since_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        failing_since = _parse_failing_since(d.pop("failing_since"))

        def _parse_disable_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                disable_at_type_0 = datetime.datetime.fromisoformat(data)

                return disable_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        disable_at = _parse_disable_at(d.pop("disable_at"))

        def _parse_probe_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                probe_at_type_0 = datetime.datetime.fromisoformat(data)

                return probe_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        probe_at = _parse_probe_at(d.pop("probe_at"))

        since = datetime.datetime.fromisoformat(d.pop("since"))

        until = datetime.datetime.fromisoformat(d.pop("until"))

        delivered = d.pop("delivered")

        failed = d.pop("failed")

        pending = d.pop("pending")

        def _parse_success_rate(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        success_rate = _parse_success_rate(d.pop("success_rate"))

        response_ms = ResponseTimes.from_dict(d.pop("response_ms"))

        failures = []
        _failures = d.pop("failures")
        for failures_item_data in _failures:
            failures_item = FailureSummary.from_dict(failures_item_data)

            failures.append(failures_item)

        steps = []
        _steps = d.pop("steps")
        for steps_item_data in _steps:
            steps_item = HealthStep.from_dict(steps_item_data)

            steps.append(steps_item)

        webhook_health = cls(
            endpoint_id=endpoint_id,
            failing_since=failing_since,
            disable_at=disable_at,
            probe_at=probe_at,
            since=since,
            until=until,
            delivered=delivered,
            failed=failed,
            pending=pending,
            success_rate=success_rate,
            response_ms=response_ms,
            failures=failures,
            steps=steps,
        )

        webhook_health.additional_properties = d
        return webhook_health

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
