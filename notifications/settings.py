"""The ``notify:`` section of the configuration, and when a report is due. Quick to import: it needs only msgspec."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Occasion = Literal["violation", "inconclusive", "pass", "always", "never"]
DEFAULT: tuple[Occasion, ...] = ("violation", "inconclusive")

# Exit codes of a run that probed nothing: a bad configuration, and a failure of netproof (EX_SOFTWARE of sysexits.h).
BROKEN = (2, 70)

_URL = Meta(
    pattern=r'^https?://[^\s<>"|]+$', max_length=500, title="an http or https URL", description="Linked in messages"
)
# A CronJob's name: a DNS label of at most 52 characters, because its Jobs append 11.
# https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
_NAME = Meta(
    pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
    max_length=52,
    title="a name of at most 52 lower-case letters, digits, dots and hyphens",
    description="The CronJob that runs this check: messages show how to run it again.",
)


class Notify(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """When messages are sent, and what hints they contain. Channels are secrets, so they are configured elsewhere."""

    notify_on: tuple[Occasion, ...] | Occasion | None = DEFAULT
    runbook_url: Annotated[str, _URL] | None = None
    cronjob: Annotated[str, _NAME] | None = None

    def __post_init__(self) -> None:
        """Raise ValueError if `never` is combined with others. msgspec adds the place of the mistake."""
        if len(occasions(self.notify_on)) > 1 and "never" in occasions(self.notify_on):
            raise ValueError("`never` cannot be combined with others")


def occasions(notify_on: Any) -> tuple[str, ...]:
    """Read ``notify.notifyOn``, which is one word or a list of words."""
    return (notify_on,) if isinstance(notify_on, str) else DEFAULT if notify_on is None else tuple(notify_on)


def due(report: Mapping[str, Any]) -> bool:
    """Return whether a message is due for this report.

    A run that probed nothing, because of a bad configuration or a failure of netproof, is reported unless ``never`` is
    set: a broken checker must not be silent. A run stopped before any verdict counts as inconclusive.
    """
    on = occasions((report.get("notify") or {}).get("notifyOn", DEFAULT))
    if "never" in on:
        return False
    return "always" in on or report.get("exitCode") in BROKEN or (report.get("verdict") or "inconclusive") in on
