"""Draw text as a QR code."""

from markupsafe import Markup


def qr_code(text: str) -> Markup | None:
    """Return the QR code, or None if the text is too long."""
    import segno  # noqa: PLC0415 few pages show any [2 MB]

    try:
        made = segno.make(text, error="m", micro=False)
    except segno.DataOverflowError:
        return None
    drawn = made.svg_inline(border=2, dark="#000", light="#fff", omitsize=True)
    return Markup(drawn)  # noqa: S704 drawn by the library: paths and numbers
