"""The situation as Prometheus metrics (https://prometheus.io/docs/practices/naming/).

They are made anew for each scrape, so a vantage that leaves takes its series with it. There are at most three series a
check and six a vantage; `netproof_series_limit_exceeded` is 1 where a release has so many that some were left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from checker import __version__
from reporter.situation import Situation

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_MOST_CHECKS = 50_000
_STATES = {"pass": 0, "violation": 1, "inconclusive": 2}
_FINDINGS = ("leak", "unreachable", "inconclusive", "overdue")
_VANTAGE, _CHECK = ("vantage", "namespace"), ("vantage", "namespace", "list", "target")


def expose(
    situation: Situation | None, api_success: float | None, delivered: Mapping[str, int], failed: Mapping[str, int]
) -> bytes:
    """Write all metrics in the text format. Times are seconds since the epoch; messages are counted by channel."""
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - only a scrape needs it
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415

    class Collector:
        def collect(self) -> Iterator[Metric]:
            build = GaugeMetricFamily("netproof_build_info", "The version of the reporter.", labels=["version"])
            build.add_metric([__version__], 1)
            yield build
            if api_success is not None:
                name = "netproof_api_last_success_timestamp_seconds"
                yield GaugeMetricFamily(name, "When the Kubernetes API was last read without an error.", api_success)
            for name, what, counts in (
                ("netproof_messages_delivered", "Messages that a channel took.", delivered),
                ("netproof_messages_failed", "Attempts to deliver a message that failed.", failed),
            ):
                counter = CounterMetricFamily(name, what, labels=["channel"])
                for channel, times in sorted(counts.items()):
                    counter.add_metric([channel], times)
                yield counter
            for name, what, labels, samples in _gauges(situation) if situation else ():
                gauge = GaugeMetricFamily(name, what, labels=labels)
                for values, number in samples:
                    gauge.add_metric(values, number)
                yield gauge

    registry = CollectorRegistry()
    registry.register(Collector())
    return generate_latest(registry)


def _gauges(situation: Situation) -> Iterator[tuple[str, str, Sequence[str], list[tuple[list[str], float]]]]:
    """List the gauges: name, help, labels, and samples."""
    vantages, places = situation.vantages, {each.key: [each.name, each.namespace] for each in situation.vantages}
    checks = situation.checks[:_MOST_CHECKS]
    known = [(places[check.vantage], check) for check in checks]

    def per_vantage(value: Any) -> list[tuple[list[str], float]]:
        pairs = ((places[each.key], value(each)) for each in vantages)
        return [(labels, float(number)) for labels, number in pairs if number is not None]

    yield (
        "netproof_check_state", "The last state of a check: 0 pass, 1 violation, 2 inconclusive.", _CHECK,
        [([*place, each.list, each.target], _STATES[each.state]) for place, each in known],
    )  # fmt: skip
    yield (
        "netproof_denial_proven", "Whether another vantage showed that a blocked target is up.",
        (*_VANTAGE, "target"),
        [([*place, each.target], float(each.proven)) for place, each in known if each.proven is not None],
    )  # fmt: skip
    yield (
        "netproof_check_lag_seconds", "How long a denied target was open at the start of the last run.",
        (*_VANTAGE, "target"), [([*place, each.target], each.lag) for place, each in known if each.lag is not None],
    )  # fmt: skip
    yield (
        "netproof_vantage_last_run_timestamp_seconds", "When the last run of a vantage finished.", _VANTAGE,
        per_vantage(lambda each: each.last_run and each.last_run.timestamp()),
    )  # fmt: skip
    yield (
        "netproof_vantage_last_run_exit_code", "The exit code of the last run of a vantage.", _VANTAGE,
        per_vantage(lambda each: each.exit_code),
    )  # fmt: skip
    yield (
        "netproof_vantage_last_run_duration_seconds", "How long the last run of a vantage took.", _VANTAGE,
        per_vantage(lambda each: each.duration),
    )  # fmt: skip
    yield (
        "netproof_vantage_overdue", "1 where no run of a vantage finished in time.", _VANTAGE,
        per_vantage(lambda each: each.overdue is not None),
    )  # fmt: skip
    kinds: list[str] = [finding.kind for finding in situation.findings]
    yield "netproof_findings", "Open findings.", ("finding",), [([kind], kinds.count(kind)) for kind in _FINDINGS]
    waiting: dict[str, int] = {each.channel: 1 for each in situation.undelivered}
    yield (
        "netproof_messages_pending", "1 where a channel has not taken a message that is due.", ("channel",),
        [([channel], number) for channel, number in waiting.items()],
    )  # fmt: skip
    exceeded = float(len(situation.checks) > _MOST_CHECKS)
    yield "netproof_series_limit_exceeded", f"1 with more than {_MOST_CHECKS} checks.", (), [([], exceeded)]
