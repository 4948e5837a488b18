"""What the reporter serves: health and metrics in the cluster, the page only for users who may forward a port."""

from datetime import date

from reporter.page import Period, page
from reporter.server import Answer, Query, Routes
from reporter.service import Service


def public(service: Service) -> Routes:
    """Return the routes for every address."""

    def health(_: Query) -> Answer:
        return Answer(b"ok\n") if service.healthy else Answer(b"no round has ended for too long\n", status=503)

    def metrics(_: Query) -> Answer:
        from reporter.metrics import Metrics  # noqa: PLC0415 - a reporter that nobody scrapes does without

        with service.lock:
            made = Metrics(service.situation, service.delivered, service.failed).expose()
        return Answer(made, "text/plain; version=0.0.4; charset=utf-8")

    return {"/healthz": health, "/metrics": metrics}


def local(service: Service) -> Routes:
    """Return the routes for 127.0.0.1 alone: who reaches them has the right to forward a port."""

    def show(query: Query) -> Answer:
        if service.situation is None:
            return Answer(b"the API has not been read yet\n", status=503)
        try:
            given = [date.fromisoformat(query[key]) for key in ("from", "to") if key in query]
        except ValueError:
            return Answer(b"from and to are dates such as 2026-05-01\n", status=400)
        period = Period(given[0], given[1]) if len(given) == 2 else None
        with service.lock:
            text = page(service.situation, period)
        return Answer(text.encode(), "text/html; charset=utf-8")

    return {"/": show}
