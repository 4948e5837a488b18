"""The situation as Prometheus metrics (https://prometheus.io/docs/practices/naming/).

They are made anew for each scrape, so a vantage that leaves takes its series with it. There are at most three series a
check and six a vantage; `netproof_series_limit_exceeded` is 1 where a release has so many that some were left out.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from checker import __version__
from reporter.history import Check
from reporter.situation import Situation, Vantage

_MOST_CHECKS = 50_000
_STATES = {"pass": 0, "violation": 1, "inconclusive": 2}
_FINDINGS = ("leak", "unreachable", "inconclusive", "overdue")

# Name and help, labels beside vantage and namespace, and the value; without a value there is no sample.
_Row = tuple[str, str, tuple[str, ...], Callable[[Check], float | None]]
_CHECKS: tuple[_Row, ...] = (
    (
        "netproof_check_state",
        "The last state of a check: 0 pass, 1 violation, 2 inconclusive.",
        ("list", "target"),
        lambda check: _STATES[check.state],
    ),
    (
        "netproof_denial_proven",
        "Whether another vantage showed that a blocked target is up.",
        ("target",),
        lambda check: check.proven,
    ),
    (
        "netproof_check_lag_seconds",
        "How long a denied target was open at the start of the last run.",
        ("target",),
        lambda check: check.lag,
    ),
)
_VANTAGES: tuple[tuple[str, str, Callable[[Vantage], float | None]], ...] = (
    (
        "netproof_vantage_last_run_timestamp_seconds",
        "When the last run of a vantage finished.",
        lambda vantage: vantage.known.reported or None,
    ),
    (
        "netproof_vantage_last_run_exit_code",
        "The exit code of the last run of a vantage.",
        lambda vantage: vantage.known.exit_code,
    ),
    (
        "netproof_vantage_last_run_duration_seconds",
        "How long the last run of a vantage took.",
        lambda vantage: vantage.known.duration,
    ),
    (
        "netproof_vantage_overdue",
        "1 where no run of a vantage finished in time.",
        lambda vantage: bool(vantage.known.overdue),
    ),
)


@dataclass(frozen=True)
class Metrics:
    """What the metrics are made from. Times are seconds since the epoch; messages are counted by channel."""

    situation: Situation | None
    api_success: float | None
    delivered: Mapping[str, int]
    failed: Mapping[str, int]

    def expose(self) -> bytes:
        """Write all metrics in the text format."""
        return generate_latest(self)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics, as prometheus_client calls it."""
        yield _gauge("netproof_build_info", "The version of the reporter.", version={__version__: 1})
        if self.api_success is not None:
            name = "netproof_api_last_success_timestamp_seconds"
            yield GaugeMetricFamily(name, "When the Kubernetes API was last read without an error.", self.api_success)
        for name, what, counts in (
            ("netproof_messages_delivered", "Messages that a channel took.", self.delivered),
            ("netproof_messages_failed", "Attempts to deliver a message that failed.", self.failed),
        ):
            counter = CounterMetricFamily(name, what, labels=["channel"])
            for channel, times in sorted(counts.items()):
                counter.add_metric([channel], times)
            yield counter
        if self.situation:
            yield from _of_situation(self.situation)


def _of_situation(situation: Situation) -> Iterator[Metric]:
    checks = [(vantage, check) for vantage in situation.vantages for check in vantage.checks]
    for name, what, labels, value_of in _CHECKS:
        gauge = GaugeMetricFamily(name, what, labels=("vantage", "namespace", *labels))
        for vantage, check in checks[:_MOST_CHECKS]:
            if (value := value_of(check)) is not None:
                gauge.add_metric((vantage.name, vantage.namespace, *(getattr(check, each) for each in labels)), value)
        yield gauge
    for name, what, value_of_vantage in _VANTAGES:
        gauge = GaugeMetricFamily(name, what, labels=("vantage", "namespace"))
        for vantage in situation.vantages:
            if (value := value_of_vantage(vantage)) is not None:
                gauge.add_metric((vantage.name, vantage.namespace), value)
        yield gauge
    kinds = Counter(each.kind for each in situation.findings)
    yield _gauge("netproof_findings", "Open findings.", finding={kind: kinds[kind] for kind in _FINDINGS})
    waiting = dict.fromkeys(situation.failing, 1)
    yield _gauge("netproof_messages_pending", "1 where a channel has not taken a message that is due.", channel=waiting)
    exceeded = float(len(checks) > _MOST_CHECKS)
    yield GaugeMetricFamily("netproof_series_limit_exceeded", f"1 with more than {_MOST_CHECKS} checks.", exceeded)


def _gauge(name: str, what: str, **samples: Mapping[str, float]) -> Metric:
    """Make a gauge with one label, which is given by its name, with its values."""
    ((label, values),) = samples.items()
    gauge = GaugeMetricFamily(name, what, labels=[label])
    for value, number in values.items():
        gauge.add_metric([value], number)
    return gauge
