"""The setting that says whether disabled webhooks are probed."""

from pydantic import BaseModel, Field


class ProbeSettings(BaseModel):
    webhook_probe: bool = Field(
        True, description="Webhooks disabled for failing are asked now and then, and enabled again."
    )
