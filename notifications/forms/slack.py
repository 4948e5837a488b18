"""Slack: a header and one block of mrkdwn.

https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from html import escape
from pathlib import Path

from markupsafe import Markup

from notifications.forms.base import GAP, Form, plain, unmentioned

_EMOJI = re.compile(r":(?=(?:[\w+-]*[^\W\d][\w+-]*|[+-]1|100|1234):)")  # not 05:00:00


class Slack(Form):
    """Slack's mrkdwn has three entities and no backslash escapes. Zero-width spaces stop formatting characters.

    They do not stop a backtick, which is replaced by an apostrophe.
    """

    name, schemas, body_format = "slack", ("slack",), None
    # Without blocks, apprise turns the text `!channel>` into a mention.
    settings = (("template", str(Path(__file__).with_suffix(".json"))), ("use_blocks", True))
    # A section block holds at most 3,000 characters; Slack rejects a message with more.
    # https://docs.slack.dev/reference/block-kit/blocks/section-block
    size, width, findings = 2_900, 160, 10

    def text(self, value: object) -> str:
        """Escape text."""
        safe = escape(_EMOJI.sub(":" + GAP, unmentioned(value)), quote=False).replace("`", "'")
        return re.sub(r"([*_~])", rf"{GAP}\1{GAP}", safe)

    def code(self, value: object) -> Markup:
        """Return text in fixed width. There, only entities and the closing backtick need an escape."""
        return Markup("`" + escape(plain(value).replace("`", "'"), quote=False) + "`")  # noqa: S704, escaped

    def anchor(self, url: str, label: str) -> str:
        """Return a link."""
        return f"<{escape(url)}|{label}>"
