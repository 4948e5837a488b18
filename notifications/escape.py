"""Hostile text made harmless, one function for each form: what is written is what is read.

Names and reasons come from configuration and from peers. Whatever they hold, a reader sees those characters and
nothing else happens: no mention, link, emoji or markup comes of them, and nothing invisible hides in them.
"""

import re
from html import escape
from urllib.parse import quote

from markupsafe import Markup

# Zero-width space: no reader sees it, no parser looks across it.
GAP = "\u200b"
_MENTION = re.compile(r"(?<![\w.])@|@(?=(?:here|channel|everyone|all|room)\b)", re.IGNORECASE)
_EMOJI = re.compile(r":(?=(?:[\w+-]*[^\W\d][\w+-]*|[+-]1|100|1234):)")  # not 05:00:00


def plain(value: object) -> str:
    r"""Show control, bidirectional and zero-width characters as ``\u202e``, and any white space as a space."""
    text = str(value)
    if text.isprintable():
        return text
    # isprintable is false for the categories Cc, Cf, Cs, Co, Cn, Zl and Zp, and for every space but U+0020.
    return "".join(c if c.isprintable() else " " if c.isspace() else f"\\u{ord(c):04x}" for c in text)


def text(value: object) -> str:
    """Plain text for any service: many of them ring everyone at ``@here`` or ``@everyone``."""
    return _MENTION.sub("@" + GAP, plain(value))


def slack(value: object) -> str:
    """Slack's mrkdwn: three entities, and no backslash escapes, hence gaps around what would format.

    A backtick beats those: it is shown as an apostrophe. https://docs.slack.dev/messaging/formatting-message-text
    """
    safe = escape(_EMOJI.sub(":" + GAP, text(value)), quote=False).replace("`", "'")
    return re.sub(r"([*_~])", rf"{GAP}\1{GAP}", safe)


def teams(value: object) -> str:
    """Markdown of an Adaptive Card, with backslash escapes, and gaps where those do not reach.

    They part ``<at>``, which mentions, ``{{DATE()}}``, which a card computes, entities, and marks that begin a list.
    https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features
    """
    safe = re.sub(r"([\\`*_\[\]#~|])", r"\\\1", text(value))
    return re.sub(r"<|\{(?=\{)|&(?=#?\w+;)|^(?=>)|^[-+](?=\s)|^\d+(?=[.)]\s)", rf"\g<0>{GAP}", safe)


def html(value: object) -> str:
    """Text for jinja2's autoescape, which does the rest."""
    return plain(value)


def slack_code(value: object) -> Markup:
    """Fixed-width text in Slack, where only the entities and the closing backtick count."""
    return _markup("`" + escape(plain(value).replace("`", "'"), quote=False) + "`")


def slack_link(value: object, label: str) -> Markup:
    """Write ``<url|label>``, or the bare text of what is no link."""
    link = _url(value)
    return _markup(f"<{escape(link)}|{slack(label)}>" if link else f"{slack(label)}: {slack(value)}")


def teams_code(value: object) -> Markup:
    """Cards have no fixed width: bold stands out as well."""
    return _markup(f"**{teams(value)}**")


def teams_link(value: object, label: str) -> Markup:
    """Write ``[label](url)``, or the bare text of what is no link."""
    link = _url(value)
    return _markup(f"[{teams(label)}]({link})" if link else f"{teams(label)}: {teams(value)}")


def html_code(value: object) -> Markup:
    """Fixed-width text."""
    # Not <code>: apprise's plain text of a mail would give it a line of its own.
    return Markup('<span style="font-family:Consolas,Menlo,monospace">{}</span>').format(plain(value))


def html_link(value: object, label: str) -> Markup:
    """Make an ``a`` element, or the bare text of what is no link."""
    link = _url(value)
    if link:
        return Markup('<a href="{}">{}</a>').format(link, plain(label))
    return Markup("{}: {}").format(plain(label), plain(value))


def text_code(value: object) -> Markup:
    """Text as it is: plain text knows no fixed width."""
    return _markup(text(value))


def text_link(value: object, label: str) -> Markup:
    """Write label and address."""
    return _markup(f"{text(label)}: {_url(value) or text(value)}")


def _url(value: object) -> str:
    """Read an http or https link, with whatever could end it, in any form, percent-encoded; else nothing."""
    link = plain(value)
    return quote(link, safe=":/?#@!$&+,;=%~-._") if re.match(r"https?://[^/\s]", link, re.IGNORECASE) else ""


def _markup(safe: str) -> Markup:
    return Markup(safe)  # noqa: S704, escaped by the caller, for a form that is not HTML
