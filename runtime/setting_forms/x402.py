"""The settings of payers without an account: where x402's payments go, and who settles them."""

import re
from typing import Final

from pydantic import BaseModel, Field, SecretStr, model_validator

from billing.machine_payments.offer import NETWORKS, Asset, find_asset

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}").fullmatch
_URL: Final = re.compile(r"https?://[^\s?#@]+").fullmatch


class X402Settings(BaseModel):
    x402_facilitator_url: str = Field(
        "", description="Who settles x402's payments: https://…; empty: simulated, in staging only."
    )
    x402_facilitator_key: SecretStr = Field(
        SecretStr(""), description="Bearer token for that facilitator, where it wants one."
    )
    x402_pay_to: str = Field("", description="Your wallet, to which x402's payers pay: 0x….")
    x402_network: str = Field(
        "eip155:8453",
        description="Network they pay on (CAIP-2), Base unless set; a test network is staging's.",
    )
    x402_asset: str = Field(
        "", description="Contract of the dollar token they pay in; empty: the network's USDC."
    )

    @model_validator(mode="after")
    def _check_x402(self) -> "X402Settings":
        given = (self.x402_facilitator_url, self.x402_pay_to)
        if any(given) and not all(given):
            raise ValueError("TOPUP_X402_FACILITATOR_URL and TOPUP_X402_PAY_TO go together")
        if self.x402_facilitator_url and not _URL(self.x402_facilitator_url):
            raise ValueError("TOPUP_X402_FACILITATOR_URL is an address such as https://host/path")
        if self.x402_pay_to and not _ADDRESS(self.x402_pay_to):
            raise ValueError("TOPUP_X402_PAY_TO is 0x and 40 hexadecimal digits")
        if self.x402_network not in NETWORKS:
            raise ValueError(f"TOPUP_X402_NETWORK is one of {', '.join(NETWORKS)}")
        if find_asset(self.x402_network, self.x402_asset) is None:
            raise ValueError(
                "TOPUP_X402_ASSET is no asset of TOPUP_X402_NETWORK that is known here"
            )
        return self

    @property
    def x402_offered(self) -> Asset | None:
        """Return what real payments are made in; None if nothing is set up."""
        if not self.x402_facilitator_url:
            return None
        return find_asset(self.x402_network, self.x402_asset)
