"""The setting of OpenTelemetry's traces; its own SDK reads where they go from OTEL_ variables."""

from pydantic import BaseModel, Field


class TracingSettings(BaseModel):
    tracing: bool = Field(
        False,
        description="Spans to an OpenTelemetry collector, as OTEL_… variables say; wants the extra `tracing`.",
    )
