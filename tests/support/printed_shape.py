"""Whether an answer has the shape in which documentation prints it: the same fields, of the same types."""

from collections.abc import Collection
from typing import Any

# What the documentation writes for the fields that it leaves out, as a field's name, and for a text's end.
MORE = "…"


def differences(
    printed: Any, answered: Any, place: str = "$", *, exact: Collection[str] = ()
) -> list[str]:
    """A line for each field that is lacking on either side or of another type; null may stand for any value.

    Of lists the first items are compared. exact: names of fields whose values are to be the same.
    """
    if printed is None or answered is None:
        return []
    if isinstance(printed, dict) and isinstance(answered, dict):
        return _of_objects(printed, answered, place, exact)
    if isinstance(printed, list) and isinstance(answered, list):
        first = printed[:1], answered[:1]
        pairs = zip(*first, strict=False)
        return [fault for pair in pairs for fault in differences(*pair, f"{place}[]", exact=exact)]
    if isinstance(printed, float):
        printed = int(printed)
    if isinstance(answered, float):
        answered = int(answered)
    if type(printed) is not type(answered):
        return [f"{place}: printed {printed!r}, answered {answered!r}"]
    return []


def _of_objects(
    printed: dict[str, Any], answered: dict[str, Any], place: str, exact: Collection[str]
) -> list[str]:
    found = [
        f"{place}.{name}: not answered" for name in printed if name not in answered and name != MORE
    ]
    if MORE not in printed:
        found += [f"{place}.{name}: not printed" for name in answered if name not in printed]
    for name in printed.keys() & answered.keys():
        found += differences(printed[name], answered[name], f"{place}.{name}", exact=exact)
        if name in exact and printed[name] != answered[name]:
            found.append(f"{place}.{name}: printed {printed[name]!r}, answered {answered[name]!r}")
    return found
