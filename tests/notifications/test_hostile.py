"""Hostile names and reasons arrive as plain text in every form: only the template contributes markup."""

import json
import re
import ssl
from collections.abc import Callable
from copy import deepcopy
from html import unescape
from html.parser import HTMLParser
from itertools import product
from typing import Any
from unicodedata import category

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from notifications.deliver import deliver
from notifications.forms.base import GAP, plain
from notifications.render import render
from tests.notifications import conftest as sample
from tests.notifications import servers

NASTY = (
    "<!channel>", "<!here|x>", "<@U012AB3CD>", "<#C1>", "@here", "@channel", "@everyone", "<at>Ann</at>", "<users/all>",
    "<https://evil.example|safe>", "[safe](https://evil.example)", "![x](https://evil.example/x.png)",
    "<b>bold</b>", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</table>", "'\"><a href=//e>",
    "*bold*", "_it_", "~gone~", "`code`", "```", "**b**", "# head", "> quote", "- item", "1. item", "| a | b |\n|-|-|",
    "{{ app_title }}", "{{7*7}}", "{% raw %}", "{{DATE(2017-02-14T06:08:39Z)}}", ":fire:", "&lt;", "&#60;", "&amp;lt;",
    "\\", "\\*", "\x00", "\x1b[31m", "\r\nBcc: all@example.com", "\u202e", "\u2066", "\u200b", "\ufeff", "\U000e0041",
)  # fmt: skip
hostile = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=4)), min_size=1, max_size=5).map("".join)


def put(*place: str | int) -> Callable[[Any, str], None]:
    """Write a text at a place in a document."""

    def write(document: Any, text: str) -> None:
        for step in place[:-1]:
            document = document[step]
        document[place[-1]] = text

    return write


# Where text of others comes into a report. A link is no text: see the tests of its own.
PLACES: dict[str, Callable[[Any, str], None]] = {
    **{key: put("checks", 0, key) for key in ("target", "name", "because", "seen", "meaning", "where")},
    **{key: put("vantage", key) for key in ("name", "cluster", "namespace", "node")},
    "label": lambda report, text: report["vantage"].update(labels={text: text}),
    "warning": lambda report, text: report.update(warnings=[text]),
    "cronjob": lambda report, text: report["notify"].update(cronjob=text),
    "error": lambda report, text: report.update(error={"title": text, "problems": []}),
    "problem": lambda report, text: report.update(error={"title": "Broken.", "problems": [text]}),
}


SITUATION: dict[str, Callable[[Any, str], None]] = {
    **{
        f"{part} {key}": put(part, 0, key)
        for part, key in product(("new", "still", "over", "notChecked"), ("target", "because", "seen", "meaning"))
    },
    "new name": lambda report, text: report["new"][0].update(target=None, name=text),
    **{f"place {key}": put("new", 0, "places", 0, key) for key in ("cluster", "namespace", "vantage")},
    "undelivered channel": lambda report, text: report["undelivered"][0].update(channel=text),
    "undelivered reason": lambda report, text: report["undelivered"][0].update(reason=text),
}


def rendered(place: str, text: str, form: str) -> tuple[str, str]:
    report = deepcopy(sample.of(sample.check("leak")))
    if place in SITUATION:  # one list alone, so that all of it fits
        part = place.split(maxsplit=1)[0].replace("place", "new")
        report = deepcopy(sample.situation(**{part: sample.situation()[part][:1]}))
    {**PLACES, **SITUATION}[place](report, text)
    message = render(report, form)
    return message.title, message.body


MENTION = rf"(?<!\w)@(?!{GAP})|(?i:@(?:here|everyone|channel)\b)"


class Tags(HTMLParser):
    """The elements with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[Any] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def slack_markup(body: str) -> tuple[list[str], str]:
    """The markup that Slack would interpret, and the text that it would show."""
    code = re.compile(r"`[^`\n]+`")
    prose = code.sub("`", body)
    marks = re.findall(rf"<[^>]*>|{MENTION}|:[\w+-]*[a-z][\w+-]*:|`|(?<!{GAP})[*_~](?!{GAP})", prose)
    assert not re.search(r"&(?!(?:lt|gt|amp);)|>(?<!Runbook>)", prose), "an entity or a bracket that is not Slack's"
    return marks, unescape(body.replace(GAP, ""))


def teams_markup(body: str) -> tuple[list[str], str]:
    tokens = MarkdownIt("commonmark", {"linkify": False}).parse(body)
    flat = [inner for token in tokens for inner in (token, *(token.children or ()))]
    marks = [f"{token.type} {token.attrs}" for token in flat if token.type not in ("text", "inline", "softbreak")]
    return marks, "".join(token.content for token in flat if token.type == "text").replace(GAP, "")


def html_markup(body: str) -> tuple[list[str], str]:
    page = Tags(body)
    return page.tags, page.text


def text_markup(body: str) -> tuple[list[str], str]:
    return re.findall(rf"<(?!{GAP})|{MENTION}", body), body.replace(GAP, "")


MARKUP = {"slack": slack_markup, "teams": teams_markup, "html": html_markup, "text": text_markup}


@pytest.mark.parametrize("form", MARKUP)
def test_hostile_text_arrives_as_text(form: str) -> None:
    for text, place in product(NASTY, PLACES):
        arrives_as_text(form, place, text)


@pytest.mark.parametrize("form", MARKUP)
@given(place=st.sampled_from(sorted(PLACES | SITUATION)), text=hostile)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(place="still target", text=" ")
def test_any_text_arrives_as_text(form: str, place: str, text: str) -> None:
    arrives_as_text(form, place, text)


def arrives_as_text(form: str, place: str, text: str) -> None:
    shown = plain(text).strip()
    # Harmless words take the same room, and the same places.
    harmless = "x" if shown else ""
    title, body = rendered(place, text, form)
    marks, words = MARKUP[form](body)
    assert marks == MARKUP[form](rendered(place, harmless, form)[1])[0], (place, text)
    invisible = {c for c in title + body if category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs", "Co")} - {"\n", GAP}
    assert not invisible
    assert "\n" not in title
    if form == "teams":
        assert "{{" not in body
        assert not re.search(r"<(?!\u200b)", body)
    if place in ("because", "seen", "meaning", "warning") and len(shown) <= 40:
        assert (shown.replace("`", "'") if form == "slack" else shown) in words


@pytest.mark.parametrize("form", MARKUP)
@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "data:text/html,x", "https://", "x|y", "<!channel>", "https://e.x/a|b>c d\"'<)]\u202e\n"],
)
def test_a_link_is_a_link_or_text(form: str, link: str) -> None:
    report = sample.of(notify={"runbookUrl": link})
    body = render(report, form).body
    if form == "html":
        hrefs = [
            dict(attrs)["href"] for tag, attrs in filter(lambda each: len(each) == 2, Tags(body).tags) if tag == "a"
        ]
    else:
        hrefs = re.findall(r"<([^|>\u200b]+)\|Runbook>|\[Runbook\]\(([^)]+)\)|Runbook: (https://e\S+)", body)
        hrefs = ["".join(found) for found in hrefs]
    assert hrefs == (["https://e.x/a%7Cb%3Ec%20d%22%27%3C%29%5D%5Cu202e%20"] if link.startswith("https://e") else [])


def test_it_arrives_as_text_at_the_server(
    channels: sample.Channels, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    nasty = "<!channel> {{ app_title }} <b>x</b>\nBcc: all@example.com"
    report = sample.of(sample.check("leak", name=nasty, because=nasty))
    report["vantage"]["name"] = nasty
    with (
        servers.http(servers.OK, tls=tls) as slack,
        servers.proxy(slack.port) as proxy,
        servers.http(servers.answer("202 Accepted"), tls=tls) as teams,
        servers.smtp() as mailbox,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "localhost")
        url = sample.mail(mailbox.port).replace("ops:pa55wordSecret@", "")
        folder = channels(slack=sample.SLACK, teams=sample.workflows(teams.port), mail=url)
        assert [each.reason for each in deliver(report, folder)] == [None, None, None]

    seen = "<!channel> {{ app_title }} <b>x</b> Bcc: all@example.com"
    sent = json.dumps(slack.requests[0].json, ensure_ascii=False)
    assert "<!" not in sent
    assert seen in unescape(sent.replace(GAP, ""))
    card = teams.requests[0].json["attachments"][0]["content"]
    assert "entities" not in card["msteams"]
    assert "<b" not in json.dumps(card)
    (mail,) = mailbox.mails
    assert mail["Subject"] == f"🔴 netproof: 1 leak from {seen} in prod"
    assert mail["Bcc"] is None
    plain, html = (mail.get_body([kind]) for kind in ("plain", "html"))
    assert plain
    assert html
    assert seen in plain.get_content()
    assert seen in Tags(html.get_content()).text
