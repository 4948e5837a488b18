"""The user's own templates, and what happens when they are broken."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest

from notifications.deliver import Delivery, deliver
from notifications.forms import FORMS
from notifications.forms.base import GAP
from notifications.render import render
from tests.notifications import conftest as sample
from tests.notifications import servers


@pytest.mark.parametrize("form", FORMS)
def test_a_template_of_the_user_is_used(form: str, leaking: sample.Report, tmp_path: Path) -> None:
    (tmp_path / f"{form}.j2").write_text("{{ headline }}!\n{% for g in groups %}{{ g.count }}; {% endfor %}\n")
    message = render(leaking, form, tmp_path)
    assert message.title == "netproof: 1 leak, 1 unreachable target, 1 inconclusive check from shop in prod!"
    assert message.body == "1 leak; 1 unreachable target; 1 inconclusive check;"
    assert message.fault is None


def test_expressions_of_the_user_are_escaped(leaking: sample.Report, tmp_path: Path) -> None:
    (tmp_path / "slack.j2").write_text("title\n<!here> {{ report.vantage.name }} {{ report.vantage.name | code }}\n")
    leaking["vantage"]["name"] = "<!channel>"
    # The text of the template itself is not escaped: its author may want a mention.
    assert render(leaking, "slack", tmp_path).body == f"<!here> &lt;{GAP}!channel&gt; `&lt;!channel&gt;`"


@pytest.mark.parametrize(
    ("template", "line", "fault"),
    [
        ("title\n{% if %}", 2, "Expected an expression"),
        ("title\n{% for x in y %}", 2, "Unexpected end of template"),
        ("title\n\n{{ heaadline }}", 3, "'heaadline' is undefined (UndefinedError)"),
        ("title\n{{ vantage.labls }}", 2, "has no attribute 'labls' (UndefinedError)"),
        ("title\n{{ 1 / 0 }}", 2, "division by zero (ZeroDivisionError)"),
        ("title\n{{ headline.__class__.__mro__ }}", 2, "is unsafe. (SecurityError)"),
        ("title\n{% for i in range(999999999) %}{% endfor %}", 2, "Range too big"),
        ("title\n{% include 'footer.j2' %}", 2, "'footer.j2' not found in search path"),
        ("title\n{{ headline | colour }}", 2, "No filter named 'colour'"),
        ("", 1, "it needs two lines"),
        ("title alone", 1, "it needs two lines"),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_a_broken_template_is_reported_with_its_line(
    form: str, template: str, line: int, fault: str, leaking: sample.Report, tmp_path: Path
) -> None:
    file = tmp_path / f"{form}.j2"
    file.write_text(template)
    message = render(leaking, form, tmp_path)
    assert message.fault
    assert message.fault.startswith(f"{file}:{line}: ")
    assert fault in message.fault
    assert message.fault.endswith("; the built-in template was used instead")
    built_in = render(leaking, form)
    assert (message.title, message.body) == (built_in.title, built_in.body)


def test_the_text_about_a_mistake_is_short(leaking: sample.Report, tmp_path: Path) -> None:
    # It is a part of the report, the termination message and the log.
    (tmp_path / "text.j2").write_text("title\n{% include 'x' * 100000 %}")
    assert len(str(render(leaking, "text", tmp_path).fault)) < 600


def test_a_template_that_is_not_text_and_a_missing_folder(leaking: sample.Report, tmp_path: Path) -> None:
    (tmp_path / "text.j2").write_bytes(b"\xff\xfe")
    assert f"{tmp_path / 'text.j2'}:1: " in str(render(leaking, "text", tmp_path).fault)
    assert "not a folder that can be read" in str(render(leaking, "text", tmp_path / "nowhere").fault)


def test_a_broken_template_does_not_prevent_the_message(
    leaking: sample.Report, channels: sample.Channels, tmp_path: Path
) -> None:
    (tmp_path / "text.j2").write_text("title\n{{ oops }}")
    with servers.http(servers.OK) as other:
        (delivery,) = deliver(leaking, channels(other=sample.json(other.port)), tmp_path)
    fault = f"{tmp_path}/text.j2:2: 'oops' is undefined (UndefinedError); the built-in template was used instead"
    assert delivery == Delivery("other", delivered=True, reason=fault)
    assert "tcp://mongo.db:27017" in other.requests[0].json["message"]


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "timed out after 5 s"),
        ("{{ 9 ** (9 ** 9) }}", "timed out after 5 s"),
        ('{{ "a" * 10 ** 9 }}', "needs more than 64 MB of memory"),
        ('{{ "%999999999d" % 1 }}', "needs more than 64 MB of memory"),
        ("{% for a in range(99999) %}{{ 'a' * 99999 }}{% endfor %}", "needs more than 64 MB of memory"),
    ],
)
def test_a_template_that_exceeds_its_limits_is_stopped(
    template: str, fault: str, leaking: sample.Report, tmp_path: Path
) -> None:
    (tmp_path / "text.j2").write_text(f"title\n{template}")
    message = render(leaking, "text", tmp_path)
    assert message == replace(render(leaking, "text"), fault=message.fault)
    assert message.fault in {
        f"{tmp_path}/text.j2:{line}: {fault}; the built-in template was used instead" for line in (1, 2)
    }


@pytest.mark.parametrize(
    "change",
    [
        'report.update({"exitCode": 0, "verdict": "pass"})',
        "report.checks.clear()",
        "report.checks[0].update(verdict='pass')",
        'groups.append("x")',
        "report.setdefault('x', 1)",
    ],
)
def test_a_template_cannot_change_the_document(
    change: str, leaking: sample.Report, channels: sample.Channels, tmp_path: Path
) -> None:
    (tmp_path / "text.j2").write_text(f"title\n{{{{ {change} }}}}")
    before = deepcopy(leaking)
    with servers.http(servers.OK) as first, servers.http(servers.OK) as second:
        listed = channels(first=sample.json(first.port), second=sample.json(second.port))
        deliveries = deliver(leaking, listed, tmp_path)
    assert leaking == before
    assert all(each.delivered and "is unsafe" in str(each.reason) for each in deliveries)
    for server in (first, second):
        assert server.requests[0].json["title"].startswith("🔴 netproof: 1 leak")


def test_a_template_that_prints_all_it_can_reach_prints_no_secret(
    leaking: sample.Report, channels: sample.Channels, tmp_path: Path
) -> None:
    names = ("report", "groups", "vantage", "warnings", "self", "range", "dict", "lipsum", "cycler", "namespace()")
    (tmp_path / "text.j2").write_text("title\n" + "".join(f"{{{{ {name} | pprint }}}}\n" for name in names))
    with servers.http(servers.OK) as other:
        (delivery,) = deliver(leaking, channels(other=sample.json(other.port)), tmp_path)
    assert delivery == Delivery("other", delivered=True)
    body = other.requests[0].body.decode()
    assert "mongo.db" in body
    assert not [secret for secret in sample.SECRETS if secret in body]
