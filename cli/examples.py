"""The last part of each command's help: lines to paste."""


def examples(*lines: str) -> str:
    """Return an epilog; a test holds each line against the command's options."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
