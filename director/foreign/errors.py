"""Why foreign code did not do its work."""


class ForeignCodeError(Exception):
    """An experiment's own code could not be run, or failed; the text is for its owner.

    `printed` is what it said of itself: for the log.
    """

    def __init__(self, reason: str, *, printed: str = "") -> None:
        super().__init__(reason)
        self.printed = printed
