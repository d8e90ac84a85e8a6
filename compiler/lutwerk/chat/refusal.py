"""The one way in which this package says no."""


class NotCarried(ValueError):
    """A template whose text is not that of a compact form; the message says why."""
