"""Read-only setup checks of MyFatoorah and Epay.

Source: docs.myfatoorah.com, InitiatePayment; the Epay protocol's act=query.
"""

from collections.abc import Sequence
from urllib.parse import urlencode

import httpx
import msgspec

from billing.providers.abilities.setup_check import SetupFinding, WantedSetup
from billing.providers.http import call, decoded, within_deadline


class _Initiated(msgspec.Struct, rename="pascal"):
    is_success: bool = False


class _Merchant(msgspec.Struct):
    code: int | str = ""
    active: int | str = 1


class MyFatoorahSetupCheck:
    def __init__(self, base: str, token: str, currency: str, client: httpx.AsyncClient) -> None:
        self._base = base
        self._token = token
        self._currency = currency
        self._client = client

    async def check_setup(self, wanted: WantedSetup) -> Sequence[SetupFinding]:
        body = msgspec.json.encode({"InvoiceAmount": 1, "CurrencyIso": self._currency})
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        url = f"{self._base}/v2/InitiatePayment"
        async with within_deadline("myfatoorah"):
            answer = await call(
                self._client, "myfatoorah", "POST", url, headers=headers, content=body
            )
        if answer.status in {401, 403}:
            detail = (
                f"{self._base} does not know the token: give"
                f" {wanted.setting('MYFATOORAH_API_TOKEN')} anew, or"
                f" the address of its country in {wanted.setting('MYFATOORAH_API_BASE')}"
            )
            return (SetupFinding("token", False, detail),)
        found = [SetupFinding("token", True, f"works at {self._base}")]
        is_taken = answer.status < 300 and decoded("myfatoorah", answer.body, _Initiated).is_success
        if is_taken:
            found.append(SetupFinding("currency", True, f"{self._currency} can be paid"))
        else:
            where = wanted.setting("MYFATOORAH_CURRENCY")
            detail = f"the account takes no {self._currency}: see {where}"
            found.append(SetupFinding("currency", False, detail))
        return [*found, unlisted_webhook("MyFatoorah", wanted)]


class EpaySetupCheck:
    def __init__(self, base: str, pid: str, key: str, client: httpx.AsyncClient) -> None:
        self._base = base
        self._pid = pid
        self._key = key
        self._client = client

    async def check_setup(self, wanted: WantedSetup) -> Sequence[SetupFinding]:
        query = urlencode({"act": "query", "pid": self._pid, "key": self._key})
        async with within_deadline("epay"):
            answer = await call(
                self._client, "epay", "GET", f"{self._base}/api.php?{query}", headers={}
            )
        if answer.status >= 300:
            where = wanted.setting("EPAY_API_BASE")
            detail = f"{self._base}/api.php answers {answer.status}: see {where}"
            return (SetupFinding("address", False, detail),)
        merchant = decoded("epay", answer.body, _Merchant)
        if str(merchant.code) != "1":
            detail = f"the gateway does not know merchant {self._pid} with this key"
            return (SetupFinding("merchant", False, detail),)
        is_active = str(merchant.active) != "0"
        detail = f"merchant {self._pid} is {'known' if is_active else 'switched off'} there"
        found = [SetupFinding("merchant", is_active, detail)]
        if not wanted.notify_url:
            detail = "TOPUP_PUBLIC_URL is not set, so no notification can arrive"
            found.append(SetupFinding("webhook", False, detail))
        return found


def unlisted_webhook(label: str, wanted: WantedSetup) -> SetupFinding:
    """Return the finding for a provider whose API doesn't list webhooks."""
    if not wanted.notify_url:
        detail = "TOPUP_PUBLIC_URL is not set, so no notification can arrive"
        return SetupFinding("webhook", False, detail)
    detail = f"{label}'s API lists none: see in its portal that {wanted.notify_url} is there"
    return SetupFinding("webhook", None, detail)
