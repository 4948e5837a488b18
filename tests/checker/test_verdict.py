"""The verdict table is complete. test_wire.py and test_proof.py test it with real packets."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from checker.model import Attempt, Check, Expect, Family, Observation, Outcome, Verdict
from checker.probes.base import tcp_failure
from checker.probes.dns import read
from checker.probes.tcp import Tcp
from checker.target import parse
from checker.verdict import TABLE, Proof, judge, judge_denial, proof, undecided


def test_every_list_has_a_verdict_on_every_outcome() -> None:
    assert TABLE.keys() == {(expect, outcome) for expect in Expect for outcome in Outcome}
    assert all(meaning.endswith(".") for _, meaning in TABLE.values())


def test_the_documented_table_is_the_one_that_is_applied() -> None:
    page = (Path(__file__).parents[2] / "docs" / "verdicts.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+)[^|]* \| (\w+)[^|]* \| (\w+) \|$", page, re.MULTILINE)
    documented = {
        (expect, Outcome(outcome)): Verdict(verdict)
        for outcome, *verdicts in rows
        for expect, verdict in zip(Expect, verdicts, strict=True)
    }
    assert documented == {case: verdict for case, (verdict, _) in TABLE.items()}


def test_only_these_outcomes_pass() -> None:
    green = {case for case, (verdict, _) in TABLE.items() if verdict is Verdict.PASS}
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


PROVEN: Proof = {Family.IPV4: (0.0, 20.0)}


def seen(outcome: Outcome, at: float, elapsed: float, address: str = "10.0.0.1") -> Attempt:
    return Attempt(at, elapsed, (Observation(outcome, "", address, Family.IPV4),))


def proven(*answered: tuple[float, float]) -> Proof:
    """The proof of attempts that were answered, each with its beginning and its duration."""
    return proof((seen(Outcome.OPEN, at, elapsed) for at, elapsed in answered), lambda _: False)


def denied(proof: Proof, at: float, elapsed: float) -> Verdict:
    check = Check(Expect.BLOCKED, parse("10.0.0.1:1"), Tcp())
    return judge_denial(check, [], [seen(Outcome.SILENT, at, elapsed)], proof).verdict


def test_attempts_that_follow_each_other_at_once_are_bracketed() -> None:
    found = proven((0.1, 0.2), (0.7, 0.1))
    assert 0.1 + 0.2 > 0.3  # rounding must not make an end later than the next beginning
    assert denied(found, 0.3, 0.4) is Verdict.PASS
    assert denied(found, 0.2999, 0.4) is Verdict.INCONCLUSIVE
    assert denied(found, 0.3, 0.4001) is Verdict.INCONCLUSIVE


def test_an_earlier_attempt_that_is_answered_later_does_not_shorten_the_proof() -> None:
    assert denied(proven((0.0, 0.1), (5.0, 0.1), (2.0, 4.0)), 1.0, 4.0) is Verdict.PASS


def test_only_answers_of_other_machines_are_proof() -> None:
    attempts = [seen(outcome, 0.0, 0.1, str(outcome)) for outcome in Outcome if outcome is not Outcome.OPEN]
    attempts.append(seen(Outcome.OPEN, 0.0, 0.1, "own"))
    assert proof(attempts, lambda address: address in ("own", "unexpected")) == {}
    assert proof(attempts, lambda address: address == "own") == {Family.IPV4: (0.1, 0.0)}


@pytest.mark.parametrize(
    ("expect", "every", "verdict"),
    [
        (Expect.REACHABLE, False, Verdict.PASS),
        (Expect.REACHABLE, True, Verdict.VIOLATION),
        (Expect.ALIVE, False, Verdict.INCONCLUSIVE),  # a vantage is denied at all of the addresses
    ],
)
def test_a_control_needs_an_answer_of_every_address(expect: Expect, every: bool, verdict: Verdict) -> None:
    seen = [(Outcome.OPEN, "10.0.0.1"), (Outcome.SILENT, "10.0.0.2")]
    attempt = Attempt(0.0, 1.0, tuple(Observation(outcome, "", address, Family.IPV4) for outcome, address in seen))
    assert judge(Check(expect, parse("db:1"), Tcp(), every=every), [attempt]).verdict is verdict


@pytest.mark.parametrize("segments", [(0, 0), (1, 0), (1, 1), (0, 1), (7, 3)])
def test_no_error_that_the_kernel_does_not_explain_is_a_denial(segments: tuple[int, int]) -> None:
    rejected = {code for code in errno.errorcode if tcp_failure(code, segments, None, 0.001)[0] is Outcome.REJECTED}
    explained = {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES}
    own = set() if segments[1] else {errno.EPERM}
    assert rejected == own | (explained if segments == (1, 0) else set())


@pytest.mark.parametrize(
    ("code", "segments", "outcome"),
    [
        (errno.ECONNREFUSED, (1, 1), "closed"),
        (errno.ECONNREFUSED, (0, 0), "closed"),  # gVisor counts nothing: it may be a false alarm, never a false pass
        (errno.ETIMEDOUT, (2, 0), "silent"),
        (errno.ETIMEDOUT, (2, 1), "unexpected"),
        (errno.EHOSTUNREACH, (0, 0), "untestable"),
        (errno.EHOSTUNREACH, (2, 1), "unexpected"),  # something on the path refused the end of the handshake
        (errno.ECONNRESET, (2, 2), "open"),
        (errno.EPIPE, (2, 3), "open"),
        (errno.EMFILE, (0, 0), "untestable"),
    ],
)
def test_an_error_of_connect(code: int, segments: tuple[int, int], outcome: str) -> None:
    assert tcp_failure(code, segments, None, 0.001)[0] == outcome


@pytest.mark.parametrize(
    ("opened", "verdict", "words"),
    [
        (3.0, Verdict.PASS, "It was open at first, until 3.0 s"),
        (8.0, Verdict.INCONCLUSIVE, "It was still open at 8.0 s, and no longer when it was decided, at 10.0 s"),
    ],
)
def test_a_denial_that_was_open_shortly_before_is_not_proven(opened: float, verdict: Verdict, words: str) -> None:
    def attempt(at: float, outcome: Outcome) -> Attempt:
        return Attempt(at, 0.0, (Observation(outcome, "", "10.0.0.1", Family.IPV4),))

    check = Check(Expect.BLOCKED, parse("10.0.0.1:1"), Tcp())
    found = judge_denial(check, [attempt(opened, Outcome.OPEN)], [attempt(10.0, Outcome.SILENT)], PROVEN)
    assert found.verdict is verdict
    assert words in found.meaning


@pytest.mark.parametrize("outcome", [Outcome.OPEN, Outcome.UNEXPECTED, Outcome.UNRESOLVED, Outcome.UNTESTABLE])
def test_closed_pass_changes_only_the_outcome_closed(outcome: Outcome) -> None:
    attempt = Attempt(1.0, 0.1, (Observation(outcome, "", "10.0.0.1", Family.IPV4),))
    check = Check(Expect.BLOCKED, parse("10.0.0.1:1"), Tcp(), closed="pass")
    assert judge_denial(check, [], [attempt], PROVEN).verdict is TABLE[Expect.BLOCKED, outcome][0]


@pytest.mark.parametrize(
    ("seen", "again"),
    [("silent silent", False), ("silent unresolved", True), ("untestable silent", True), ("unresolved open", False)],
)
def test_a_denial_is_tried_again_if_an_attempt_saw_nothing_and_none_got_through(seen: str, again: bool) -> None:
    attempts = [Attempt(0.0, 1.0, (Observation(Outcome(word), ""),)) for word in seen.split()]
    assert undecided(Check(Expect.BLOCKED, parse("db:1"), Tcp()), attempts) is again


def test_a_denial_that_is_not_decided_is_not_explained_by_what_was_open_before() -> None:
    early = Attempt(1.0, 0.0, (Observation(Outcome.OPEN, "", "10.0.0.1", Family.IPV4),))
    unresolved = Attempt(10.0, 0.0, (Observation(Outcome.UNRESOLVED, ""),))
    found = judge_denial(Check(Expect.BLOCKED, parse("db:1"), Tcp()), [early], [unresolved], PROVEN)
    assert (found.verdict, found.meaning) == (Verdict.INCONCLUSIVE, "There was no address to test.")


def test_what_is_impossible_in_a_container_passes_without_a_network() -> None:
    attempt = Attempt(0.0, 0.1, (Observation(Outcome.IMPOSSIBLE, ""),))
    check = Check(Expect.BLOCKED, parse("sandbox://root"), Tcp())
    assert judge_denial(check, [], [attempt], {}).verdict is Verdict.PASS


def answer(kind: str, *records: str, flags: int = 0, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> bytes:
    """A reply to the query below, with these records."""
    reply = dns.message.make_response(QUERY)
    reply.flags |= flags
    reply.set_rcode(rcode)
    for name, record in (line.split(" ", 1) for line in records):
        reply.answer.append(dns.rrset.from_text(name, 300, "IN", kind if record[0].isdigit() else "CNAME", record))
    return reply.to_wire()


QUERY = dns.message.make_query("db.test", "A", id=0x1234)
OTHER = dns.message.make_response(dns.message.make_query("other.test", "A", id=0x1234))
OTHER.answer.append(dns.rrset.from_text("other.test.", 300, "IN", "A", "10.0.0.1"))


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (b"", "unexpected"),
        (b"\0" * 11, "unexpected"),
        (answer("A", "db.test. 10.0.0.1"), "open"),
        (answer("A", "db.test. a.test.", "a.test. 10.0.0.1"), "open"),
        (answer("A", "db.test. a.test."), "unexpected"),  # an alias of a name without an address
        (answer("A", "other.test. 10.0.0.1"), "unexpected"),  # an address of another name
        (answer("A", "db.test. 10.0.0.1")[:-3], "unexpected"),  # a record that is cut short
        (bytes.fromhex("1234 8180 0001 0001 0000 0000"), "unexpected"),  # a header that counts an answer
        (answer("A"), "unexpected"),  # no address
        (QUERY.to_wire(), "unexpected"),  # our own question, sent back
        (OTHER.to_wire(), "unexpected"),  # of another question
        (b"\x43\x21" + answer("A", "db.test. 10.0.0.1")[2:], "unexpected"),  # of another number
        (answer("A", rcode=dns.rcode.REFUSED), "closed"),
        (answer("A", rcode=dns.rcode.NXDOMAIN), "unexpected"),
        (answer("A", rcode=dns.rcode.SERVFAIL), "unexpected"),
        (answer("A", flags=dns.flags.TC), None),
    ],
)
def test_a_reply_of_a_name_server(reply: bytes, outcome: str | None) -> None:
    result = read(reply, QUERY)
    assert (result[0] if result else None) == outcome


@pytest.mark.parametrize(
    ("seen", "count"),
    [("silent silent silent", "3 of 3"), ("untestable silent silent", "2 of 3"), ("silent silent open", "1 of 3")],
)
def test_the_evidence_counts_the_attempts_with_the_verdict_of_the_check(seen: str, count: str) -> None:
    outcomes = [Outcome(word) for word in seen.split()]
    attempts = [Attempt(0.0, 1.0, (Observation(outcome, "seen", "10.0.0.1", Family.IPV4),)) for outcome in outcomes]
    judgement = judge(Check(Expect.REACHABLE, parse("10.0.0.1:1"), Tcp()), attempts)
    assert judgement.observation
    assert judgement.observation.seen == f"seen ({count} attempts)"
