"""Texts that others send, cut to a length that is fit to be kept."""

_GAP = "\n[…]\n"


def abridged(text: str, length: int) -> str:
    """Return a text of no more than so many characters.

    Of a longer one both ends are kept, three times as much of the later one: that is where a
    traceback tells what broke.
    """
    if len(text) <= length:
        return text
    kept = max(length - len(_GAP), 0)
    head = text[: kept // 4]
    gap = _GAP[: length - kept]
    return f"{head}{gap}{text[len(text) - (kept - len(head)) :]}"
