"""Jobs in processes of their own, bounded in seconds and in memory.

A template, a far end or a library may loop for ever, or answer without an end. Whatever it does, loads or leaves
pending ends with its process.
"""

import os
import resource
import sys
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from math import ceil
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

T = TypeVar("T")


class Stopped(str):
    """Why a job returned nothing."""

    __slots__ = ()


def run(jobs: Mapping[str, Callable[[], T]], seconds: float, megabytes: int) -> dict[str, T | Stopped]:
    """Run all jobs at once, each in a fork of this process, and return what each returned, by name.

    ``megabytes`` is what a job may allocate beyond what this process has. Results are pickled. Jobs may not raise.
    """
    fork = get_context("fork")
    processes: list[Any] = []
    pending: dict[Any, str] = {}  # by the end of the pipe that is read
    for name, job in jobs.items():
        reader, writer = fork.Pipe(duplex=False)
        process = fork.Process(target=_job, args=(job, writer, seconds, megabytes))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: a job uses none of these
            process.start()
        writer.close()
        processes.append(process)
        pending[reader] = name
    results: dict[str, T | Stopped] = dict.fromkeys(jobs, Stopped(f"timed out after {seconds:g} s"))
    end = monotonic() + seconds
    while pending and (ready := wait(list(pending), max(0.0, end - monotonic()))):
        for reader in (each for each in ready if isinstance(each, Connection)):
            name = pending.pop(reader)
            with suppress(EOFError):
                results[name] = Stopped("its process was ended: it takes too much memory or processor time")
                results[name] = reader.recv()
    for process in processes:
        process.kill()
        process.join()
    return results


def _job(job: Callable[[], Any], writer: Connection, seconds: float, megabytes: int) -> None:
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115, libraries print secrets
    with suppress(OSError, ValueError):  # no /proc, or lower limits already
        data = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (data + megabytes * 2**20, hard))
        # Should its parent be killed, nobody else ends it.
        resource.setrlimit(resource.RLIMIT_CPU, (ceil(seconds) + 1,) * 2)
    try:
        result = job()
    except MemoryError:
        resource.setrlimit(resource.RLIMIT_DATA, (resource.getrlimit(resource.RLIMIT_DATA)[1],) * 2)
        result = Stopped(f"needs more than {megabytes} MB of memory")
    writer.send(result)
