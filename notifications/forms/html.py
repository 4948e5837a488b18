"""Mail: HTML, and the same as plain text, which apprise makes of it."""

from markupsafe import Markup, escape

from notifications.forms.base import Form, plain


class Html(Form):
    """HTML with inline styles."""

    name, schemas, body_format = "html", ("mailto", "mailtos"), "html"
    # Seconds for each answer. A mail server may delay its greeting on purpose (Postfix, postscreen_greet_wait: 6 s).
    settings = (("cto", 8.0),)
    size, width, findings = 500_000, 300, 100

    def text(self, value: object) -> str:
        """Escape text."""
        return escape(plain(value))

    def code(self, value: object) -> Markup:
        """Write text in fixed width. Not by <code>: apprise's plain text would give it a line of its own."""
        return Markup('<span style="font-family:Consolas,Menlo,monospace">{}</span>').format(plain(value))

    def anchor(self, url: str, label: str) -> str:
        """Write a link."""
        return Markup('<a href="{}">{}</a>').format(url, label)
