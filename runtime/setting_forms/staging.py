"""How much one call and one day may store in staging, and when staging stops for lack of space."""

from typing import Final

from pydantic import BaseModel, Field

from keys.staging_quota import Quota, Quotas

_MIB: Final = 1024 * 1024


class StagingSettings(BaseModel):
    rate_limit_records_per_s: int = Field(
        1000,
        ge=0,
        le=1_000_000,
        description="Records, or KiB of long bodies, a second and account; sandboxes: a fifth; 0: off.",
    )
    staging_rows_per_day: int = Field(
        1_000_000,
        ge=0,
        description="Rows that staging of a verified account stores on a UTC day; 0: any number.",
    )
    staging_mb_per_day: int = Field(1024, ge=0, description="The same in MiB; 0: any size.")
    sandbox_rows_per_day: int = Field(
        100_000,
        ge=0,
        description="Rows of a sandbox or unverified account on a day; 0: any number.",
    )
    sandbox_mb_per_day: int = Field(64, ge=0, description="The same in MiB; 0: any size.")
    sandbox_total_mb_per_day: int = Field(
        2048,
        ge=0,
        description="MiB of all sandbox and unverified accounts together on a day; 0: any size.",
    )
    staging_reserve_mb: int = Field(
        1024,
        ge=0,
        description="MiB of free disk below which staging is refused, beside a file; 0: never.",
    )
    staging_database_max_mb: int = Field(
        0,
        ge=0,
        description="MiB of a server's database above which staging is refused; 0: never.",
    )

    @property
    def staging_quotas(self) -> Quotas:
        return Quotas(
            verified=Quota(self.staging_rows_per_day, self.staging_mb_per_day * _MIB),
            unverified=Quota(self.sandbox_rows_per_day, self.sandbox_mb_per_day * _MIB),
            together=Quota(0, self.sandbox_total_mb_per_day * _MIB),
        )
