"""What can go wrong for the user of this package, as one exception."""


class NotificationError(Exception):
    """A folder, file or report that cannot be used. The message says what, where, and what to do; never a URL."""

    title = "The notifications cannot be used."
