"""Mail: HTML. apprise adds the same message as plain text."""

from markupsafe import Markup, escape

from notifications.forms.base import Form, plain


class Html(Form):
    """HTML with inline styles."""

    name, schemas, body_format = "html", ("mailto", "mailtos"), "html"
    # Seconds for each answer: a mail server may delay its greeting (6 s for postscreen_greet_wait of Postfix).
    settings = (("cto", 8.0),)
    size, width, findings = 500_000, 300, 100

    def text(self, value: object) -> str:
        """Escape text."""
        return escape(plain(value))

    def code(self, value: object) -> Markup:
        """Return text in fixed width. Not with <code>: in plain text, apprise would put that on a separate line."""
        return Markup('<span style="font-family:Consolas,Menlo,monospace">{}</span>').format(plain(value))

    def anchor(self, url: str, label: str) -> str:
        """Return a link."""
        return Markup('<a href="{}">{}</a>').format(url, label)
