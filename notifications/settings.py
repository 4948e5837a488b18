"""The ``notify:`` section of the configuration, and when a report is due. Cheap to import: msgspec alone."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Occasion = Literal["violation", "inconclusive", "pass", "always", "never"]
DEFAULT: tuple[Occasion, ...] = ("violation", "inconclusive")

# Outside the two verdicts of a run that probed: bad configuration, and a checker that failed (EX_SOFTWARE, sysexits.h).
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
    """When messages are sent, and with what hints. Channels themselves are secrets and live elsewhere."""

    notify_on: tuple[Occasion, ...] | Occasion = DEFAULT
    runbook_url: Annotated[str, _URL] | None = None
    cronjob: Annotated[str, _NAME] | None = None

    def __post_init__(self) -> None:
        """Refuse a list that contradicts itself (msgspec makes it a mistake with its place)."""
        if len(occasions(self.notify_on)) > 1 and "never" in occasions(self.notify_on):
            raise ValueError("`never` cannot be combined with others")


def occasions(notify_on: Any) -> tuple[str, ...]:
    """Read ``notify.notifyOn`` as configured: one word or a list of them."""
    return (notify_on,) if isinstance(notify_on, str) else tuple(notify_on)


def due(report: Mapping[str, Any]) -> bool:
    """Return whether a message is due for this report.

    A run that probed nothing, by bad configuration or a failure of its own, is always reported unless ``never``:
    a checker that is broken must not be silent. A run stopped before any verdict counts as inconclusive.
    """
    on = occasions((report.get("notify") or {}).get("notifyOn", DEFAULT))
    if "never" in on:
        return False
    return "always" in on or report.get("exitCode") in BROKEN or (report.get("verdict") or "inconclusive") in on
