"""The digest, which is sent by the calendar: what is open, how much is proven, and the page as an attachment."""

from collections import Counter
from typing import Any

from notifications.deliver import Attachment
from reporter import news
from reporter.history import State
from reporter.page import page
from reporter.schedule import due
from reporter.situation import Situation, utc


def is_due(state: State, situation: Situation) -> bool:
    """Whether the digest is due. The first one waits for its time, too."""
    schedule = situation.settings.digest
    if schedule:
        state.digest = state.digest or situation.at
    return bool(schedule) and due(schedule, state.digest) <= situation.at


def document(situation: Situation) -> dict[str, Any]:
    """Write the digest as a document for notifications: every open finding, and the numbers."""
    states, proven = (Counter(getattr(check, name) for check in situation.checks) for name in ("state", "proven"))
    counts = ", ".join(f"{states[name]} {name}" for name in ("pass", "violation", "inconclusive") if states[name])
    summary = (
        f"{len(situation.vantages)} vantages, {len(situation.checks)} checks: {counts or 'none'}; "
        f"{proven[True]} of {proven[True] + proven[False]} blocked targets proven"
    )
    return {**news.document({"still": situation.findings}, situation), "summary": summary}


def attachment(situation: Situation) -> Attachment:
    """Make the page as a file."""
    return Attachment(f"netproof-{utc(situation.at):%Y-%m-%d}.html", page(situation))
