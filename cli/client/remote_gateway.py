"""Call the public API over HTTP. Repeat calls if that is safe, and print refusals in plain words."""

import secrets
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import click
import httpx
import msgspec

from cli.client.profiles import API_PATH, Access, authorization, note_asked
from cli.output import EXIT_UNREACHABLE, fail

WAIT_S_MAX: Final = 50
_TRIES: Final = 3
_CONNECT_S: Final = 10.0
# The timeout is longer than any wait_s that the API accepts.
_ANSWER_S: Final = 70.0
_PAUSE_S: Final = 0.2
_PAUSE_S_MAX: Final = 10


class RemoteAnswer(msgspec.Struct, kw_only=True):
    code: int
    message: str
    status: str
    data: Any = None
    transaction_id: str | None = None


class RemoteGateway:
    """One gateway, called with one key. If a call is refused, print why and exit."""

    def __init__(self, given: Access, path: str = API_PATH) -> None:
        self._url = given.url
        note_asked(given.url)
        http = httpx.Client(
            base_url=given.url + path,
            headers={**authorization(given.api_key), "User-Agent": "topup-cli"},
            timeout=httpx.Timeout(_ANSWER_S, connect=_CONNECT_S),
        )
        self._http = click.get_current_context().with_resource(http)

    def get(self, path: str, **params: Any) -> RemoteAnswer:
        """Send a GET request. Repeat it if the gateway is busy or the connection breaks."""
        return self._call("GET", path, params=params)

    def page(self, path: str, **params: Any) -> Any:
        """Return a page of a list as {"items", "next_cursor"}. Parameters that are None are left out."""
        given = {name: value for name, value in params.items() if value is not None}
        return self.get(path, **given).data

    def post(self, path: str, body: Mapping[str, Any], *, idempotency_key: str) -> RemoteAnswer:
        return self._call("POST", path, body=body, idempotency_key=idempotency_key)

    def change(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        look: str | Callable[[], str],
        takes: Collection[int] = (),
        params: Mapping[str, Any] | None = None,
    ) -> RemoteAnswer:
        """Make a change with a new idempotency key. Retries within this call are safe. Running the
        command again isn't, because it makes a new key.

        If the response is lost, print `look`, a command that shows whether the change was made. `look` may also be a
        function that returns this command. If a refusal's code is in `takes`, return the refusal instead of exiting.
        """
        key = f"cli-{secrets.token_hex(16)}"
        return self._call(
            method, path, params=params, body=body, idempotency_key=key, look=look, takes=takes
        )

    def page_of(self, url: str, *, below: str) -> str:
        """Return the page's address at this gateway, and ignore the URL's host. Exit unless its path is under
        `below`.
        """
        path = httpx.URL(url).path
        if not path.startswith(below):
            raise fail(f"{url} is no page of this gateway's sandbox")
        return self._url + path

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        look: str | Callable[[], str] | None = None,
        takes: Collection[int] = (),
    ) -> RemoteAnswer:
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        for left in reversed(range(_TRIES)):
            try:
                answer = self._http.request(method, path, params=params, json=body, headers=headers)
            except httpx.TransportError as error:
                if not left:
                    raise self._unreachable(error, idempotency_key, look) from None
                time.sleep(_PAUSE_S)
                continue
            pause_s = _pause_s(answer)
            if not left or pause_s is None:
                return self._read(answer, None if look else idempotency_key, takes)
            time.sleep(pause_s)
        raise AssertionError("the last try answers or raises")

    def _read(
        self, answer: httpx.Response, idempotency_key: str | None, takes: Collection[int]
    ) -> RemoteAnswer:
        try:
            found = msgspec.json.decode(answer.content, type=RemoteAnswer)
        except msgspec.DecodeError:
            raise fail(
                f"{self._url} answers HTTP {answer.status_code}, which is not the response of a Topup Gateway",
                advice="check that this is the address of the gateway itself",
                exit_code=EXIT_UNREACHABLE,
            ) from None
        if answer.is_success or found.code in takes:
            return found
        raise _refused(found, idempotency_key)

    def _unreachable(
        self,
        error: httpx.TransportError,
        idempotency_key: str | None,
        look: str | Callable[[], str] | None,
    ) -> click.exceptions.Exit:
        facts: dict[str, Any] = {}
        advice = "is it running, and is the address right?"
        if look is not None:
            command = look if isinstance(look, str) else look()
            advice = (
                f"it is not known whether it was done; look with `{command}` before you repeat it"
            )
        elif idempotency_key is not None:
            facts = {"idempotency_key": idempotency_key}
            advice = (
                "it is not known whether the call arrived; run the same command again with"
                f" --idempotency-key {idempotency_key}: it is done at most once"
            )
        return fail(
            f"{self._url} cannot be reached: {error or type(error).__name__}",
            advice=advice,
            exit_code=EXIT_UNREACHABLE,
            facts=facts,
        )


def _pause_s(answer: httpx.Response) -> int | None:
    is_busy = answer.status_code in {429, 503}
    # Proxies send 502 and 504. If the body is the gateway's own JSON, don't repeat the call.
    is_proxy = answer.status_code in {502, 504} and b'"success"' not in answer.content
    if not is_busy and not is_proxy:
        return None
    after = answer.headers.get("retry-after", "1")
    pause_s = int(after) if after.isdecimal() else 1
    return pause_s if pause_s <= _PAUSE_S_MAX else None


def _refused(answer: RemoteAnswer, idempotency_key: str | None) -> click.exceptions.Exit:
    error = answer.data.get("error") if isinstance(answer.data, dict) else None
    told = error if isinstance(error, dict) else {}
    facts = {"code": answer.code, "transaction_id": answer.transaction_id, **told}
    if idempotency_key is not None:
        facts["idempotency_key"] = idempotency_key
    return fail(
        f"{_sentence(told, answer.message)} (code {answer.code})",
        advice="\n  ".join(_advice(told)),
        facts=facts,
    )


def _sentence(error: Mapping[str, Any], message: str) -> str:
    detail, param = str(error.get("detail") or message), error.get("param")
    return detail if param is None or param in detail else f"{param}: {detail}"


def _advice(error: Mapping[str, Any]) -> list[str]:
    lines = []
    problems = error.get("errors")
    if isinstance(problems, list) and len(problems) > 1:
        lines += [_sentence(one, "") for one in problems if isinstance(one, dict)]
    action = error.get("next_action")
    if action:
        wait_s = error.get("retry_after_s")
        words = str(action).replace("_", " ") + (f" {wait_s} s" if wait_s else "")
        lines.append(f"next: {words}")
    links = error.get("links")
    lines += [_link(one) for one in links if isinstance(one, dict)] if links else []
    if error.get("doc_url"):
        lines.append(f"see {error['doc_url']}")
    return lines


def _link(link: Mapping[str, Any]) -> str:
    if link.get("rel") == "limits":
        return "limits: topup whoami"
    body = link.get("body")
    shown = "" if body is None else " " + msgspec.json.encode(body).decode()
    return f"{link.get('rel')}: {link.get('method')} {link.get('href')}{shown}"
