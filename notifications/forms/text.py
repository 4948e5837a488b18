"""Plain text, for all other services."""

from notifications.forms.base import Form


class Text(Form):
    """Text without markup. apprise converts it for a service that needs HTML or Markdown."""

    name, schemas, body_format = "text", (), "text"
    # Conversion may make a text too long: its end is cut, so that the service does not reject the message.
    settings = (("overflow", "truncate"),)
    size, width, findings = 30_000, 300, 50
