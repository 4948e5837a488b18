"""When a report is due, and which settings the ``notify`` section has."""

from typing import Any

import msgspec
import pytest

from notifications.settings import Notify, due
from tests.notifications import conftest as sample

LEAK, INCONCLUSIVE, PASS = sample.of(sample.check("leak")), sample.of(sample.check("inconclusive")), sample.of()
BROKEN = sample.of(verdict=None, exitCode=2, error={"title": "x", "problems": []})
CRASHED = {**BROKEN, "exitCode": 70}


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (None, (LEAK, INCONCLUSIVE)),
        ("violation", (LEAK,)),
        (["inconclusive"], (INCONCLUSIVE,)),
        (["pass", "violation"], (LEAK, PASS)),
        ("always", (LEAK, INCONCLUSIVE, PASS)),
    ],
)
def test_which_reports_are_due(on: Any, expected: tuple[sample.Report, ...]) -> None:
    notify = {} if on is None else {"notifyOn": on}
    msgspec.convert(notify, Notify)
    for report in (LEAK, INCONCLUSIVE, PASS):
        assert due({**report, "notify": notify}) == (report in expected)
    assert due({**BROKEN, "notify": notify})
    assert due({**CRASHED, "notify": notify})


def test_with_never_no_report_is_due() -> None:
    assert not any(
        due({**report, "notify": {"notifyOn": "never"}}) for report in (LEAK, INCONCLUSIVE, PASS, BROKEN, CRASHED)
    )


@pytest.mark.parametrize(
    ("given", "mistake"),
    [
        ({"notifyOn": ["never", "pass"]}, "`never` cannot be combined with others"),
        ({"notifyOn": "sometimes"}, "Invalid enum value 'sometimes'"),
        ({"runbookUrl": "javascript:alert(1)"}, r"\$\.runbookUrl"),
        ({"cronjob": "Not A Name"}, r"\$\.cronjob"),
        ({"cronjob": "x" * 53}, r"\$\.cronjob"),
        ({"onn": "pass"}, "unknown field `onn`"),
    ],
)
def test_invalid_settings_are_rejected(given: Any, mistake: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=mistake):
        msgspec.convert(given, Notify)
