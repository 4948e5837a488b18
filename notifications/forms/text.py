"""Plain text, for all other services."""

from notifications.forms.base import Form


class Text(Form):
    """Text without markup. apprise converts it where a service wants HTML or Markdown."""

    name, schemas, body_format = "text", (), "text"
    # Conversion makes a text longer: its end is cut, rather than the message refused.
    settings = (("overflow", "truncate"),)
    size, width, findings = 30_000, 300, 50
