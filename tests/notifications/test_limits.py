"""A job whose process is killed, as the kernel does when memory runs out."""

import os
import signal
from collections.abc import Callable

from notifications import limits


def test_a_killed_job_has_a_reason_and_the_other_jobs_have_their_results() -> None:
    jobs: dict[str, Callable[[], str]] = {"killed": _killed, "other": lambda: "done"}
    results = limits.run(jobs, 10, 32)
    assert results == {"killed": "its process was ended: it takes too much memory or processor time", "other": "done"}
    assert isinstance(results["killed"], limits.Stopped)


def _killed() -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError
