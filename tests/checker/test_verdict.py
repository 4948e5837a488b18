"""The verdict table is whole; what it says is tested on the wire, in test_wire.py and test_proof.py."""

from __future__ import annotations

import errno

import pytest

from checker.model import Expect, Outcome, Verdict
from checker.probes import dns
from checker.probes.base import tcp_failure
from checker.verdict import TABLE


def test_every_list_has_a_verdict_on_every_outcome() -> None:
    assert {expect: set(row) for expect, row in TABLE.items()} == {expect: set(Outcome) for expect in Expect}


def test_only_a_denial_that_shows_nothing_and_an_answer_that_is_wanted_are_green() -> None:
    green = {(expect, outcome) for expect, row in TABLE.items() for outcome in row if row[outcome] is Verdict.PASS}
    assert green == {
        (Expect.REACHABLE, Outcome.OPEN),
        (Expect.BLOCKED, Outcome.REJECTED),
        (Expect.BLOCKED, Outcome.SILENT),
        (Expect.ALIVE, Outcome.OPEN),
        (Expect.ALIVE, Outcome.UNEXPECTED),
        (Expect.REACHABLE, Outcome.POSSIBLE),
        (Expect.BLOCKED, Outcome.IMPOSSIBLE),
        (Expect.ALIVE, Outcome.POSSIBLE),
    }


@pytest.mark.parametrize("segments", [(0, 0), (1, 0), (1, 1), (0, 1), (7, 3)])
def test_no_error_that_the_kernel_does_not_explain_is_a_denial(segments: tuple[int, int]) -> None:
    rejected = {code for code in errno.errorcode if tcp_failure(code, segments, 0.001)[0] is Outcome.REJECTED}
    explained = {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES}
    assert rejected == {errno.EPERM} | (explained if segments == (1, 0) else set())


@pytest.mark.parametrize(
    ("code", "segments", "outcome"),
    [
        (errno.ECONNREFUSED, (1, 1), "closed"),
        (errno.ECONNREFUSED, (0, 0), "closed"),  # gVisor counts nothing: it may cry wolf, it never shows green
        (errno.ETIMEDOUT, (2, 0), "silent"),
        (errno.ETIMEDOUT, (2, 1), "unexpected"),
        (errno.EHOSTUNREACH, (0, 0), "untestable"),
        (errno.ECONNRESET, (1, 1), "untestable"),
        (errno.EMFILE, (0, 0), "untestable"),
    ],
)
def test_an_error_of_connect(code: int, segments: tuple[int, int], outcome: str) -> None:
    assert tcp_failure(code, segments, 0.001)[0] == outcome


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (b"", "unexpected"),
        (b"\0" * 11, "unexpected"),
        (bytes.fromhex("1234 8180 0001 0001 0000 0000"), "open"),
        (bytes.fromhex("1234 8180 0001 0000 0000 0000"), "unexpected"),  # no address
        (bytes.fromhex("1234 0100 0001 0001 0000 0000"), "unexpected"),  # our own question, sent back
        (bytes.fromhex("4321 8180 0001 0001 0000 0000"), "unexpected"),  # of another question
        (bytes.fromhex("1234 8185 0001 0000 0000 0000"), "closed"),  # REFUSED
        (bytes.fromhex("1234 8183 0001 0000 0000 0000"), "unexpected"),  # NXDOMAIN
        (bytes.fromhex("1234 818f 0001 0000 0000 0000"), "unexpected"),
    ],
)
def test_a_reply_of_a_name_server(reply: bytes, outcome: str) -> None:
    assert dns.read(reply, 0x1234)[0] == outcome
