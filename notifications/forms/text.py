"""Plain text, for all other services."""

from notifications.forms.base import Form, unmentioned


class Text(Form):
    """Text without markup. apprise converts it where a service wants HTML or Markdown."""

    name, schemas, body_format = "text", (), "text"
    # Conversion makes a text longer: its end is cut, rather than the message refused.
    settings = (("overflow", "truncate"),)
    size, width, findings = 30_000, 300, 50

    def text(self, value: object) -> str:
        """Escape mentions."""
        return unmentioned(value)

    def anchor(self, url: str, label: str) -> str:
        """Write a link."""
        return f"{label}: {url}"
