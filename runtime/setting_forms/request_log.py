"""The setting of how long refused and failed requests are stored."""

from pydantic import BaseModel, Field


class RequestLogSettings(BaseModel):
    retention_requests_days: int = Field(
        14,
        ge=0,
        le=3_650,
        description="Days that refused and failed requests are kept for their senders; 0: none is.",
    )
