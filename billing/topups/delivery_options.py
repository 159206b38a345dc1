"""How a top-up reaches its recipient: by mail or not, in which language, with which words of the sender.

Frozen with the send. None of it can be spent; it is the recipient's data, and goes when that is erased.
"""

from typing import Final

import msgspec

MESSAGE_CHARACTERS_MAX: Final = 500
LOCALE_CHARACTERS_MAX: Final = 35


class DeliveryOptions(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a send says in `delivery`.

    email: whether the recipient gets mail. locale: a language tag such as es or zh-Hans; null: English
    in the mail, and what the browser asks for on the page. message: plain text, shown to the recipient.
    """

    email: bool = False
    locale: str | None = None
    message: str | None = None


NO_OPTIONS: Final = DeliveryOptions()
