"""The setting of OpenTelemetry's traces; where they go is read by its own SDK from OTEL_ variables."""

from pydantic import BaseModel, Field


class TracingSettings(BaseModel):
    """A base of runtime.settings.Settings."""

    tracing: bool = Field(
        False,
        description="Spans to an OpenTelemetry collector, as OTEL_… variables say; wants the extra `tracing`.",
    )
