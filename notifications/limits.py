"""Jobs in processes of their own, bounded in seconds and in memory.

A template, a far end or a library may loop for ever, or answer without an end. Whatever it does, loads or leaves
pending ends with its process.
"""

import os
import resource
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
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
    fork, running, end = get_context("fork"), {}, monotonic() + seconds
    for name, job in jobs.items():
        reader, writer = fork.Pipe(duplex=False)
        process = fork.Process(target=_job, args=(job, writer, megabytes))
        process.start()
        writer.close()
        running[name] = process, reader
    late = Stopped(f"timed out after {seconds:g} s")
    return {name: _result(process, reader, end, late) for name, (process, reader) in running.items()}


def _result(process: ForkProcess, reader: Connection, end: float, late: Stopped) -> Any:
    """Wait for a job's result, and end its process."""
    try:
        return reader.recv() if reader.poll(max(0.0, end - monotonic())) else late
    except EOFError:
        return Stopped("its process was ended: it takes too much memory or processor time")
    finally:
        process.kill()
        process.join()


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
