"""The exception of this package."""


class NotificationError(Exception):
    """A folder, file or report that cannot be used. The text says what is wrong, where, and what to do; never a URL."""

    title = "The notifications cannot be used."
