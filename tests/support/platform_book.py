"""Platforms to sell for, in memory."""

from collections.abc import Sequence

from billing.topups.platform import Platform, PlatformBook, Platforms


def same_everywhere(platforms: Sequence[Platform]) -> PlatformBook:
    """A book in which staging and live have the same platforms."""
    listed = Platforms(platforms)
    return PlatformBook({"staging": listed, "live": listed})
