"""Runs jobs in separate processes, with limits for time and memory.

A template may loop without end, and a server may answer without end. When the process of a job ends, everything that it
started or loaded ends, too.
"""

import os
import resource
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

T = TypeVar("T")


class Stopped(str):
    """The reason why a job has no result. Use ``str()`` to pass it on: msgspec does not encode a subclass."""

    __slots__ = ()


def run(jobs: Mapping[str, Callable[[], T]], seconds: float, megabytes: int) -> dict[str, T | Stopped]:
    """Run all jobs at once, each in a fork of this process, and return what each returned, by name.

    ``megabytes`` is what a job may allocate beyond what this process has. Results are pickled. Jobs may not raise.
    """
    fork, running, results = get_context("fork"), {}, dict[str, T | Stopped]()
    end = monotonic() + seconds
    for name, job in jobs.items():
        reader, writer = fork.Pipe(duplex=False)
        process = fork.Process(target=_job, args=(job, writer, megabytes))
        process.start()
        writer.close()
        running[name] = process, reader
    for name, (process, reader) in running.items():
        try:
            in_time = reader.poll(max(0.0, end - monotonic()))
            results[name] = reader.recv() if in_time else Stopped(f"timed out after {seconds:g} s")
        except EOFError:
            results[name] = Stopped("its process was ended: it takes too much memory or processor time")
        finally:
            process.kill()
            process.join()
    return results


def _job(job: Callable[[], Any], writer: Connection, megabytes: int) -> None:
    for stream in (1, 2):  # libraries print and log secrets
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    with suppress(OSError, ValueError):  # no /proc, or lower limits already
        data = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (data + megabytes * 2**20, hard))
    try:
        result = job()
    except MemoryError:
        resource.setrlimit(resource.RLIMIT_DATA, (resource.getrlimit(resource.RLIMIT_DATA)[1],) * 2)
        result = Stopped(f"needs more than {megabytes} MB of memory")
    writer.send(result)
