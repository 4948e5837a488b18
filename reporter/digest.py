"""The summary that is sent by the calendar: what is open, how much is proven, and the page as an attachment."""

from collections import Counter
from typing import Any

from notifications.deliver import Attachment
from reporter.history import State
from reporter.news import documented
from reporter.page import page
from reporter.schedule import ScheduleError, due
from reporter.settings import Settings
from reporter.situation import Situation


def is_due(state: State, settings: Settings, now: int) -> bool:
    """Whether the summary is due; of a release that has never sent one, the first time comes by the schedule too."""
    if not settings.digest:
        return False
    state.digest = state.digest or now
    try:
        return due(settings.digest, state.digest) <= now
    except ScheduleError:
        return False


def document(state: State, situation: Situation, settings: Settings) -> dict[str, Any]:
    """Write the summary as a document for notifications: every open finding, and the numbers."""
    open_ones = {key: each for key, each in state.findings.items() if not each.ended}
    states = Counter(check.state for check in situation.checks)
    proven = Counter(check.proven for check in situation.checks)
    counts = ", ".join(f"{states[name]} {name}" for name in ("pass", "violation", "inconclusive") if states[name])
    summary = (
        f"{len(situation.vantages)} vantages, {len(situation.checks)} checks: {counts or 'none'}; "
        f"{proven[True]} of {proven[True] + proven[False]} blocked targets proven"
    )
    return {**documented("", open_ones, {"still": list(open_ones)}, situation, settings), "summary": summary}


def attachment(situation: Situation) -> Attachment:
    """Make the page as a file."""
    return Attachment(f"netproof-{situation.at:%Y-%m-%d}.html", page(situation))
