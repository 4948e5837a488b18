"""The situation as Prometheus metrics (https://prometheus.io/docs/practices/naming/).

They are made for each scrape: a vantage that is removed has no series any more. There are at most three series for each
check and six for each vantage. The checks after the first 50,000 are left out: `netproof_series_limit_exceeded` is 1.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from checker import __version__
from reporter.history import Check, Vantage
from reporter.situation import Situation

_MOST_CHECKS = 50_000
_STATES = {"pass": 0, "violation": 1, "inconclusive": 2}
_FINDINGS = ("leak", "unreachable", "inconclusive", "overdue")
_PLACE = ("vantage", "namespace")  # labels
_STATE = "The last state of a check: 0 pass, 1 violation, 2 inconclusive."

# Name, help, value; None: there is no sample.
_OF_DENIALS: tuple[tuple[str, str, Callable[[Check], float | None]], ...] = (
    ("denial_proven", "Whether another vantage showed that a blocked target is up.", lambda c: c.proven),
    ("check_lag_seconds", "How long a denied target was open at the start of the last run.", lambda c: c.lag),
)
_OF_VANTAGES: tuple[tuple[str, str, Callable[[Vantage], float | None]], ...] = (
    ("last_run_timestamp_seconds", "When the last run of a vantage finished.", lambda v: v.reported or None),
    ("last_run_exit_code", "The exit code of the last run of a vantage.", lambda v: v.exit_code),
    ("last_run_duration_seconds", "How long the last run of a vantage took.", lambda v: v.duration),
    ("overdue", "1 where no run of a vantage finished in time.", lambda v: v.itself.finding == "overdue"),
)


@dataclass(frozen=True)
class Metrics:
    """What the metrics are made from. Messages are counted by channel."""

    situation: Situation | None
    delivered: Mapping[str, int]
    failed: Mapping[str, int]

    def expose(self) -> bytes:
        """Write all metrics in the text format."""
        return generate_latest(self)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; prometheus_client calls this."""
        yield _gauge("build_info", "The version of the reporter.", ["version"], [([__version__], 1)])
        yield _counter("messages_delivered", "Messages that a channel took.", self.delivered)
        yield _counter("messages_failed", "Attempts to deliver a message that failed.", self.failed)
        if self.situation:
            yield from _of_situation(self.situation)


def _of_situation(situation: Situation) -> Iterator[Metric]:
    what = "When the Kubernetes API was last read without an error."
    yield _gauge("api_last_success_timestamp_seconds", what, [], [([], situation.at)])
    places = [([each.listed.name, each.listed.namespace], each) for each in situation.vantages]
    checks = [(place, check) for place, vantage in places for check in vantage.current]
    some = checks[:_MOST_CHECKS]
    states = (([*place, check.list, check.target], _STATES[check.state]) for place, check in some)
    yield _gauge("check_state", _STATE, [*_PLACE, "list", "target"], states)
    for name, what, value in _OF_DENIALS:
        samples = (([*place, check.target], value(check)) for place, check in some)
        yield _gauge(name, what, [*_PLACE, "target"], samples)
    for name, what, value_of in _OF_VANTAGES:
        yield _gauge(f"vantage_{name}", what, _PLACE, ((place, value_of(vantage)) for place, vantage in places))
    kinds = Counter(each.kind for each in situation.findings)
    yield _gauge("findings", "Open findings.", ["finding"], (([kind], kinds[kind]) for kind in _FINDINGS))
    pending = (([channel], 1) for channel in situation.failing)
    yield _gauge("messages_pending", "1 where a channel has not taken a message that is due.", ["channel"], pending)
    exceeded = len(checks) > _MOST_CHECKS
    yield _gauge("series_limit_exceeded", f"1 with more than {_MOST_CHECKS} checks.", [], [([], exceeded)])


def _gauge(name: str, what: str, labels: Sequence[str], samples: Iterable[tuple[list[str], float | None]]) -> Metric:
    gauge = GaugeMetricFamily(f"netproof_{name}", what, labels=labels)
    for values, number in samples:
        if number is not None:
            gauge.add_metric(values, float(number))
    return gauge


def _counter(name: str, what: str, counts: Mapping[str, int]) -> Metric:
    counter = CounterMetricFamily(f"netproof_{name}", what, labels=["channel"])
    for channel, number in sorted(counts.items()):
        counter.add_metric([channel], number)
    return counter
