"""The heartbeat: one request after each run, so that a monitoring service notices when runs are missing."""

import logging
from functools import partial
from pathlib import Path

from notifications import causes, limits
from notifications.channels import one_url
from notifications.errors import NotificationError

LIMIT, MEGABYTES = 10.0, 64


def beat(file: Path, passed: bool, *, limit: float = LIMIT) -> str | None:  # noqa: FBT001, it is the result
    """Call the URL in the file, with ``/fail`` appended to its path after a run that did not pass.

    Returns why it failed, without the URL, or None. Takes at most ``limit`` seconds.
    https://healthchecks.io/docs/http_api/
    """
    failure = limits.run({"": partial(_call, file, passed, limit)}, limit, MEGABYTES)[""]
    return None if failure is None else str(failure)


def _call(file: Path, passed: bool, limit: float) -> str | None:  # noqa: FBT001
    import httpx  # noqa: PLC0415, slow to import

    logging.disable()  # httpx logs the URL
    try:
        called = httpx.URL(one_url(file))
        target = called if passed else called.copy_with(path=called.path.rstrip("/") + "/fail")
        # The body is not read: it may be endless.
        with httpx.stream("GET", target, timeout=limit / 2, headers={"User-Agent": "netproof"}) as answer:
            return None if answer.is_success else f"HTTP {answer.status_code}"
    except NotificationError as e:
        return f"{e} ({file})"
    except (httpx.UnsupportedProtocol, httpx.InvalidURL):
        return "its URL is not an http or https URL"
    except Exception as e:  # noqa: BLE001, it must not change the verdict, and its text may contain the URL
        return causes.of_text(f"{type(e).__name__} {e}") or f"failed: {type(e).__name__}"
