"""A facilitator of x402 on loopback: it checks signatures as a chain does, charges each nonce once, and lies
when it is told to.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from tests.support.machine_payer import typed_data_of
from tests.support.vendor_service import Answer, VendorService
from tests.support.wallet import Account, encode_typed_data

# What is made of a true answer of /settle.
Lie = Callable[[dict[str, Any]], Answer]


class FacilitatorService(VendorService):
    """charged: the nonces that money moved for, each with how often it was asked. lies: of the next answers of
    /settle, the first first. posted: what it was asked, the last last.
    """

    def __init__(self) -> None:
        super().__init__()
        self.charged: dict[str, int] = {}
        self.posted: list[dict[str, Any]] = []
        self.lies: deque[Lie] = deque()

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
        assert (method, query) == ("POST", {})
        asked = body
        self.posted.append(asked)
        wrong = _wrong(asked)
        payer = asked["paymentPayload"]["payload"]["authorization"]["from"]
        if path == "/verify":
            return 200, {"isValid": wrong is None, "invalidReason": wrong, "payer": payer}
        assert path == "/settle"
        return self._settled(asked, payer, wrong)

    def _settled(self, asked: dict[str, Any], payer: str, wrong: str | None) -> Answer:
        network = asked["paymentRequirements"]["network"]
        said: dict[str, Any] = {"success": wrong is None, "payer": payer, "network": network}
        nonce = asked["paymentPayload"]["payload"]["authorization"]["nonce"]
        if wrong is None:
            self.charged[nonce] = self.charged.get(nonce, 0) + 1
            said |= {"transaction": nonce, "amount": asked["paymentRequirements"]["amount"]}
        else:
            said |= {"transaction": "", "errorReason": wrong}
        return self.lies.popleft()(said) if self.lies else (200, said)


def _wrong(asked: dict[str, Any]) -> str | None:
    """Why a chain would not move the money."""
    payload, wanted = asked["paymentPayload"]["payload"], asked["paymentRequirements"]
    authorization = payload["authorization"]
    signed = encode_typed_data(full_message=typed_data_of(authorization, wanted))
    try:
        signer = Account.recover_message(signed, signature=payload["signature"])
    except Exception:
        return "invalid_exact_evm_signature"
    if signer.lower() != authorization["from"].lower():
        return "invalid_exact_evm_signature"
    if authorization["value"] != wanted["amount"] or authorization["to"] != wanted["payTo"]:
        return "invalid_exact_evm_authorization_value_mismatch"
    return None
