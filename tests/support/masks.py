"""Words for what differs from run to run, so that two runs of one walk write the same text.

An id, a secret or a page's token becomes its prefix and a number that counts those of that prefix in
the order in which they appear; ports and measured times become a word.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

_COUNTED = (
    re.compile(r"(qte)_[0-9]+_[0-9]+_[0-9a-f]{64}"),
    re.compile(
        r"(?<![A-Za-z])(ak_staging|ak_live|sat_staging|oas|oat|whsec|whpk)_[0-9A-Za-z+/=]{32,}"
    ),
    re.compile(r"(?<![A-Za-z])(ATU)(?:-[0-9A-Z]{4}){5}"),
    re.compile(r"(?<![A-Za-z])(TOPUP)(?:-[0-9A-Z]{4}){3}"),
    # Pages by a token, which may look like anything, also like an id at its beginning; but no id. A token
    # has 22 characters and more: one more than an id of four letters and 16.
    re.compile(
        r"(?<=/)(checkout|portal|webhook-portal|claim|no-mail|receipts|status)"
        r"/(?![a-z]{2,4}_[0-9A-Za-z]{16}(?![0-9A-Za-z_.~=-]))[0-9A-Za-z_.~=-]{20,}"
    ),
    re.compile(r"(?<![0-9A-Za-z_-])([a-z]{2,5})_[0-9A-Za-z]{16}(?![0-9A-Za-z])"),
    re.compile(r"(?<![0-9a-f])()[0-9a-f]{32}(?![0-9a-f])"),
    # What a user's consent leads back to its app with.
    re.compile(r'(?<="code": ")()[0-9A-Za-z]{16}(?=")'),
    # An id as a whole number.
    re.compile(r"(?<![0-9])()[0-9]{16}(?![0-9])"),
)
_KINDS = ("", "", "", "", "", "", "order-no", "consent", "number")
_PLAIN = (
    (re.compile(r'"(duration_ms|p50|p95)":\d+'), r'"\1":<ms>'),
    (re.compile(r'"(prefix|last4|voucher_code_hint|body_sha256)":"[^"]+"'), r'"\1":"<\1>"'),
    (re.compile(r'"number":"ATU-[0-9A-Z]{4}"'), '"number":"ATU-<hint>"'),
    # Noted some time after the use, so it may be there or not.
    (re.compile(r'"last_used_at":(?:null|"[^"]+")'), r'"last_used_at":<null or a minute>'),
    # A wait is up to a fifth longer or shorter.
    (
        re.compile(r'"attempts_made":1,"next_attempt_at":"[^"]+"'),
        '"attempts_made":1,"next_attempt_at":"<soon>"',
    ),
    (re.compile(r'"(device_code)": ?"[0-9A-Za-z_-]{43}"'), r'"\1":"<\1>"'),
    (re.compile(r"(?<![A-Z-])[B-Z]{4}-[B-Z]{4}(?![A-Z-])"), "<user_code>"),
    (re.compile(r"http://127\.0\.0\.1:\d{4,5}"), "http://<server>"),
    (re.compile(r'Payment id="[^"]+", realm="[^"]+"'), 'Payment id="<mac>", realm="<server>"'),
    (re.compile(r'opaque="[^"]+"'), 'opaque="<identifier>"'),
    (re.compile(r'"remote_address":"127\.0\.0\.1:\d+"'), '"remote_address":"127.0.0.1:<port>"'),
    (re.compile(r'"(timings_ms)":\{([^}]*)\}'), None),
)


@dataclass(slots=True)
class Masks:
    """The names that one walk's ids have been given."""

    _names: dict[str, str] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def plain(self, text: str) -> str:
        """Return the text with a word for each thing that is of this run."""
        for pattern, kind in zip(_COUNTED, _KINDS, strict=True):
            text = pattern.sub(self._counted(kind), text)
        for plain, word in _PLAIN:
            text = plain.sub(word if word is not None else _timings, text)
        return text

    def _counted(self, kind: str) -> Callable[[re.Match[str]], str]:
        def name(found: re.Match[str]) -> str:
            known = self._names.get(found[0])
            if known is None:
                prefix = found[1] or kind
                self._counts[prefix] = self._counts.get(prefix, 0) + 1
                known = self._names[found[0]] = f"<{prefix}-{self._counts[prefix]}>"
            return known

        return name


def _timings(found: re.Match[str]) -> str:
    inside = re.sub(r":[\d.]+", ":<ms>", found[2])
    return f'"{found[1]}":{{{inside}}}'
