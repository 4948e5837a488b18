"""The user's own templates, and what happens when they are broken."""

from collections.abc import Callable
from pathlib import Path

import pytest

from notifications.deliver import Delivery, deliver
from notifications.render import FORMS, render
from tests.notifications import conftest as sample
from tests.notifications import servers


@pytest.mark.parametrize("form", FORMS)
def test_a_template_of_the_user_is_used(form: str, leaking: sample.Report, tmp_path: Path) -> None:
    (tmp_path / f"{form}.j2").write_text("{{ headline }}!\n{% for g in groups %}{{ g.count }}; {% endfor %}\n")
    message = render(leaking, form, tmp_path)
    assert message.title == "netproof: 1 leak, 1 unreachable, 1 inconclusive from shop in prod!"
    assert message.body == "1 leak; 1 unreachable; 1 inconclusive;"
    assert message.fault is None


def test_expressions_of_the_user_are_made_harmless(leaking: sample.Report, tmp_path: Path) -> None:
    (tmp_path / "slack.j2").write_text("title\n<!here> {{ report.vantage.name }} {{ report.vantage.name | code }}\n")
    leaking["vantage"]["name"] = "<!channel>"
    # What the template itself says is its author's own: a team may want to be rung.
    assert render(leaking, "slack", tmp_path).body == "<!here> &lt;!channel&gt; `&lt;!channel&gt;`"


@pytest.mark.parametrize(
    ("template", "line", "told"),
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
def test_a_broken_template_is_told_with_its_line(
    form: str, template: str, line: int, told: str, leaking: sample.Report, tmp_path: Path
) -> None:
    file = tmp_path / f"{form}.j2"
    file.write_text(template)
    message = render(leaking, form, tmp_path)
    assert message.fault
    assert message.fault.startswith(f"{file}:{line}: ")
    assert told in message.fault
    assert message.fault.endswith("; the built-in template stands in")
    built_in = render(leaking, form)
    assert (message.title, message.body) == (built_in.title, built_in.body)


def test_one_that_is_not_text_or_no_folder(leaking: sample.Report, tmp_path: Path) -> None:
    (tmp_path / "text.j2").write_bytes(b"\xff\xfe")
    assert f"{tmp_path / 'text.j2'}:1: " in str(render(leaking, "text", tmp_path).fault)
    assert "not a folder that can be read" in str(render(leaking, "text", tmp_path / "nowhere").fault)


def test_a_broken_template_does_not_cost_the_alert(
    leaking: sample.Report, channels: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "text.j2").write_text("title\n{{ oops }}")
    with servers.http(servers.OK) as other:
        (delivery,) = deliver(leaking, channels(other=sample.json(other.port)), tmp_path)
    fault = f"{tmp_path}/text.j2:2: 'oops' is undefined (UndefinedError); the built-in template stands in"
    assert delivery == Delivery("other", delivered=True, reason=fault)
    assert "tcp://mongo.db:27017" in other.requests[0].json["message"]
