"""Remove from recorded requests everything that could be spent or used to sign in.

In JSON and forms, the values of secret fields are replaced. In other text, whatever follows the name of a
secret field is replaced. Then everything that looks like a credential or a voucher code is masked.
"""

import re
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import msgspec

from kernel.storable import storable
from runtime.log import mask

HIDDEN: Final = "***"
BODY_BYTES_MAX: Final = 8 * 1024
_NAME: Final = (
    r"passw|secret|token|cookie|authori[sz]ation|credential|private|signature|api_?key|bearer"
    r"|\bvalue\b|\bsign\b|\bpin\b|\botp\b|\bcode\b|\bcodes\b|voucher|card|cvc|iban|verifier"
)
_is_secret_name = re.compile(_NAME, re.IGNORECASE).search
# A number is secret only if its name matches this. For example, input_tokens isn't secret.
_is_secret_number = re.compile(r"passw|secret|\bpin\b|\botp\b|\bcode\b", re.IGNORECASE).search
# Matches an error's code in our response, which isn't secret.
_is_word = re.compile(r"[a-z]{2,}(_[a-z]+){0,6}").fullmatch
_VOUCHER = re.compile(r"\b(ATU|TOPUP)[\s_-]{0,3}[0-9A-Z](?:[\s_-]{0,3}[0-9A-Z]){7,}", re.IGNORECASE)
# These match a word, the characters between a name and its value, and a value. Quotes may be escaped, because JSON
# can contain JSON.
_WORD = re.compile(r"[\w-]+")
_BETWEEN = re.compile(r"\\?[\"']?\s{0,8}[:=]\s{0,8}")
_VALUE = re.compile(r"\\\"[^\"]*|\"(?:[^\"\\]|\\[\s\S])*|'[^']*|\[[^\]]*|[^\s,;&}\]\"']+")
# In these maps, all values are secret, whatever their names.
_SECRET_MAPS: Final = frozenset({"headers", "options", "secrets"})


def body_text(body: bytes, content_type: str, *, is_answer: bool = False) -> str:
    """Return the start of the body without secrets, at most BODY_BYTES_MAX bytes.

    `is_answer` means that the body is our response, whose codes may be shown.
    """
    if not body:
        return ""
    if content_type.startswith("application/x-www-form-urlencoded"):
        return query_text(body.decode("latin-1"))
    if len(body) <= BODY_BYTES_MAX and (shown := _as_json(body, is_answer=is_answer)):
        return _storable(mask_text(shown))
    text = body[:BODY_BYTES_MAX].decode("utf-8", "replace")
    return _storable(mask_text(_without_values(text)))


def query_text(query: str) -> str:
    pairs = parse_qsl(query[:BODY_BYTES_MAX], keep_blank_values=True, errors="replace")
    hidden = [(name, HIDDEN if _is_secret_name(name) else value) for name, value in pairs]
    return _storable(mask_text(urlencode(hidden, safe="*@:/,")))


def mask_text(text: str) -> str:
    """Mask text in the same way as log lines. Also mask voucher codes that were typed without hyphens."""
    return _VOUCHER.sub(r"\1-" + HIDDEN, mask(text))


def _as_json(body: bytes, *, is_answer: bool) -> str:
    try:
        decoded = msgspec.json.decode(body)
        return msgspec.json.encode(_hidden(decoded, "", is_answer=is_answer)).decode()
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return ""


def _hidden(value: Any, name: str, *, is_answer: bool) -> Any:
    if isinstance(value, dict):
        inside = "secret" if name in _SECRET_MAPS else ""
        return {
            key: _hidden(one, inside or str(key), is_answer=is_answer) for key, one in value.items()
        }
    if isinstance(value, list):
        return [_hidden(one, name, is_answer=is_answer) for one in value]
    return HIDDEN if _is_secret(value, name, is_answer=is_answer) else value


def _is_secret(value: Any, name: str, *, is_answer: bool) -> bool:
    if isinstance(value, str):
        is_own_word = is_answer and name == "code" and _is_word(value)
        return value != "" and not is_own_word and _is_secret_name(name) is not None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and not is_answer and _is_secret_number(name) is not None


def _without_values(text: str) -> str:
    parts: list[str] = []
    copied = position = 0
    while (word := _WORD.search(text, position)) is not None:
        position = word.end()
        between = _BETWEEN.match(text, position)
        if between is None or not _is_secret_name(word.group()):
            continue
        value = _VALUE.match(text, between.end())
        if value is not None:
            parts += (text[copied : between.end()], HIDDEN)
            copied = position = value.end()
    return "".join((*parts, text[copied:]))


def _storable(text: str) -> str:
    return storable(text, characters_max=BODY_BYTES_MAX)
