"""http:// and https:// with real servers: statuses, certificates, redirects and proxies."""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import ssl
import threading
import weakref
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trustme

from checker.model import Check, Expect
from checker.probes import KINDS
from checker.target import parse
from tests import netns

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from checker.model import Observation
    from tests.netns import Servers


def attempt(target: str, expect: Expect = Expect.REACHABLE, within: float = 20, **settings: Any) -> Observation:
    """Make one attempt on 127.0.0.1, as the runner does."""
    parsed = parse(target)
    check = Check(expect, parsed, KINDS[parsed.kind](**settings), timeout=within)
    address = parsed.host or "" if check.probe.proxy else "127.0.0.1"

    async def once() -> Observation:
        return await check.probe.attempt(check, address)

    return asyncio.run(once())


@dataclass
class Site:
    """A server that answers each request alike and keeps what it was asked."""

    port: int
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def site(servers: Servers) -> Callable[..., Site]:
    def start(answer: bytes, tls: ssl.SSLContext | None = None) -> Site:
        sock = socket.create_server(("127.0.0.1", 0))
        made = Site(sock.getsockname()[1])

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            made.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(answer)
            await writer.drain()
            await reader.read(1)

        servers.tcp(sock, handler, tls)
        return made

    return start


def status(code: int, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {code} Status", "content-length: 0", "connection: close", *headers, "", ""]).encode()


OK = status(200)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> str:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


# --- statuses --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "wanted", "outcome"),
    [
        (200, None, "open"),
        (301, None, "open"),
        (404, None, "open"),
        (499, None, "open"),
        (500, None, "unexpected"),
        (503, None, "unexpected"),
        (204, 204, "open"),
        (200, 204, "unexpected"),
        (401, "4xx", "open"),
        (503, "5XX", "open"),
        (200, ["3xx", 401], "unexpected"),
        (401, ["3xx", 401], "open"),
    ],
)
def test_the_status_must_match(site: Callable[..., Site], code: int, wanted: Any, outcome: str) -> None:
    observation = attempt(f"http://localhost:{site(status(code)).port}", status=wanted)
    assert observation.outcome == outcome
    assert observation.seen.startswith(f"HTTP {code} after ")


def test_without_a_server_the_tcp_attempt_decides(nobody: str) -> None:
    assert attempt(f"http://{nobody}").outcome == "closed"


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/9", b"", b"\0\xff" * 5000])
def test_an_answer_that_is_no_http(site: Callable[..., Site], answer: bytes) -> None:
    observation = attempt(f"http://localhost:{site(answer).port}", within=1)
    assert observation.outcome == "unexpected"
    assert observation.seen.startswith("accepted, but ")


def test_a_server_that_closes_at_once(servers: Servers) -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    servers.tcp(sock, netns.close)
    for kind in ("http", "https"):
        observation = attempt(f"{kind}://localhost:{port}")
        assert observation.outcome == "unexpected"
        assert re.match("accepted, but (it closed|Server disconnected)", observation.seen), observation.seen


def test_a_server_that_does_not_answer_times_out(servers: Servers) -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    servers.tcp(sock)
    observation = attempt(f"http://localhost:{port}", within=0.3)
    assert observation.outcome == "unexpected"
    assert observation.seen.startswith("accepted, but no HTTP answer came after ")


async def endless_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x: y\r\n" * 1000)
        await writer.drain()


@pytest.mark.parametrize(("handler", "outcome"), [(netns.stream, "open"), (endless_headers, "unexpected")])
def test_an_endless_body_is_not_read(servers: Servers, handler: Any, outcome: str) -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    servers.tcp(sock, handler)
    found = attempt(f"http://localhost:{port}", within=5)
    assert found.outcome == outcome
    assert "no HTTP answer came" not in found.seen  # it did not read on until the timeout


# --- what is asked, and of whom --------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "line", "host"),
    [
        ("http://shop.example:{}", "GET / HTTP/1.1", "shop.example:{}"),
        ("http://Shop.example:{}/health?deep=1", "GET /health?deep=1 HTTP/1.1", "shop.example:{}"),
        ("http://[::1]:{}/%20", "GET /%20 HTTP/1.1", "[::1]:{}"),
    ],
)
def test_host_and_path_are_those_of_the_url(site: Callable[..., Site], target: str, line: str, host: str) -> None:
    made = site(OK)
    assert attempt(target.format(made.port)).outcome == "open"
    (request,) = made.requests
    first, *headers = request.strip().split("\r\n")
    assert first == line
    assert f"Host: {host.format(made.port)}" in headers
    assert "User-Agent: netproof" in headers


def test_a_redirect_is_followed_only_with_follow(site: Callable[..., Site]) -> None:
    there = site(status(503))
    here = site(status(302, f"location: http://127.0.0.1:{there.port}/there"))
    assert attempt(f"http://localhost:{here.port}").outcome == "open"
    assert there.requests == []
    observation = attempt(f"http://localhost:{here.port}", follow=True)
    assert (observation.outcome, observation.seen[:8]) == ("unexpected", "HTTP 503")
    assert there.requests[0].startswith("GET /there")


def test_a_redirect_to_another_host_is_verified_with_its_own_name(
    site: Callable[..., Site], authority: trustme.CA, ca: str
) -> None:
    there = site(OK, serving(authority.issue_cert("localhost")))
    redirect = status(302, f"location: https://localhost:{there.port}/there")
    here = site(redirect, serving(authority.issue_cert("shop.example")))
    observation = attempt(f"https://shop.example:{here.port}", follow=True, ca=ca)
    assert (observation.outcome, observation.seen[:8]) == ("open", "HTTP 200"), observation.seen


@pytest.mark.parametrize(
    ("location", "outcome"), [("/again", "open"), ("https://127.0.0.1:{port}/again", "unexpected")]
)
def test_a_redirect_to_an_address_is_verified_with_that_address(
    servers: Servers, authority: trustme.CA, ca: str, location: str, outcome: str
) -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        redirect = status(302, f"location: {location.format(port=port)}")
        writer.write(OK if request.startswith(b"GET /again ") else redirect)
        await writer.drain()
        await reader.read(1)

    servers.tcp(sock, handler, serving(authority.issue_cert("shop.example")))
    observation = attempt(f"https://shop.example:{port}", follow=True, ca=ca, status=200)
    assert observation.outcome == outcome, observation.seen


def test_a_redirect_without_end_is_no_answer(site: Callable[..., Site]) -> None:
    made = site(status(302, "location: /again"))
    observation = attempt(f"http://127.0.0.1:{made.port}", follow=True)
    assert observation.outcome == "unexpected"
    assert "redirects" in observation.seen


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_used_only_with_proxy(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    proxy, made = site(status(204)), site(OK)
    monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    target = f"http://shop.example:{made.port}/x"
    assert attempt(target).seen.startswith("HTTP 200")
    assert proxy.requests == []
    if name == "http_proxy":
        assert attempt(target, proxy=True).seen.startswith("HTTP 204")
        assert proxy.requests[0].startswith(f"GET {target} HTTP/1.1")


@pytest.mark.parametrize("expect", [Expect.BLOCKED, Expect.ALIVE])
@pytest.mark.parametrize("kind", ["http", "https"])
def test_a_denied_target_gets_no_request(servers: Servers, kind: str, expect: Expect) -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    port, said = sock.getsockname()[1], []

    async def handler(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        said.append(await reader.read())

    servers.tcp(sock, handler)
    observation = attempt(f"{kind}://localhost:{port}", expect)
    assert (observation.outcome, observation.seen[:8]) == ("open", "accepted")
    assert [each for each in said if each] == []


# --- certificates ----------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["shop.example", "shop.example."])
def test_a_certificate_is_verified_with_the_ca_file(
    site: Callable[..., Site], authority: trustme.CA, ca: str, host: str
) -> None:
    names: list[str | None] = []
    context = serving(authority.issue_cert("shop.example"))
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    made = site(OK, context)
    observation = attempt(f"https://{host}:{made.port}", ca=ca)
    assert observation.outcome == "open", observation.seen
    assert observation.seen.startswith("HTTP 200 after "), observation.seen
    assert names == ["shop.example"]  # the address is asked, by the name


def test_the_tls_settings_of_earlier_runs_are_not_kept(
    site: Callable[..., Site], authority: trustme.CA, monkeypatch: Any
) -> None:
    made: weakref.WeakSet[ssl.SSLContext] = weakref.WeakSet()
    create, untrusted = httpx.create_ssl_context, site(OK, serving(authority.issue_cert("127.0.0.1")))

    def created(**settings: Any) -> ssl.SSLContext:
        context = create(**settings)
        made.add(context)
        return context

    monkeypatch.setattr(httpx, "create_ssl_context", created)
    for _ in range(12):
        assert attempt(f"https://127.0.0.1:{untrusted.port}").outcome == "unexpected"
    gc.collect()
    assert 1 <= len(made) <= 8


def test_a_certificate_of_an_address(site: Callable[..., Site], authority: trustme.CA, ca: str) -> None:
    made = site(OK, serving(authority.issue_cert("127.0.0.1")))
    assert attempt(f"https://127.0.0.1:{made.port}", ca=ca).outcome == "open"


@pytest.mark.parametrize("insecure", [True, False])
@pytest.mark.parametrize(
    ("issue", "trusted", "fault"),
    [
        (lambda ca: ca.issue_cert("shop.example"), False, "unable to get local issuer certificate"),
        (lambda ca: ca.issue_cert("other.example"), True, "Hostname mismatch"),
        (
            lambda ca: ca.issue_cert("shop.example", not_after=datetime(2020, 1, 1, tzinfo=UTC)),
            True,
            "certificate has expired",
        ),
        (lambda _: trustme.CA().issue_cert("shop.example"), True, "unable to get local issuer certificate"),
    ],
    ids=["unknown-authority", "other-name", "expired", "other-authority"],
)
def test_a_wrong_certificate_is_unexpected_unless_insecure(
    site: Callable[..., Site],
    authority: trustme.CA,
    ca: str,
    issue: Callable[[trustme.CA], trustme.LeafCert],
    trusted: bool,
    fault: str,
    insecure: bool,
) -> None:
    made = site(OK, serving(issue(authority)))
    observation = attempt(f"https://shop.example:{made.port}", ca=ca if trusted else None, insecure=insecure)
    if insecure:
        assert observation.outcome == "open", observation.seen
    else:
        assert observation.outcome == "unexpected"
        assert observation.seen.startswith("accepted, but certificate verify failed: ")
        assert fault in observation.seen
        assert made.requests == []


@pytest.mark.parametrize("kind", ["http", "https"])
def test_tls_to_a_plain_server_and_the_other_way_round(
    site: Callable[..., Site], authority: trustme.CA, kind: str
) -> None:
    made = site(OK, serving(authority.issue_cert("shop.example")) if kind == "http" else None)
    assert attempt(f"{kind}://shop.example:{made.port}", within=2).outcome == "unexpected"


def test_a_handshake_without_end_leaves_no_socket_open(servers: Servers) -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    port, left = sock.getsockname()[1], threading.Semaphore(0)

    async def handler(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass
        left.release()

    servers.tcp(sock, handler)
    gc.disable()  # as a run does
    try:
        observation = attempt(f"https://shop.example:{port}", within=0.5)
        assert observation.seen.startswith("accepted, but no HTTP answer came after ")
        assert left.acquire(timeout=10)  # of the TCP attempt
        assert left.acquire(timeout=10)  # and of the request
    finally:
        gc.enable()


def test_a_ca_file_without_a_certificate_is_reported(site: Callable[..., Site], tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    observation = attempt(f"https://shop.example:{site(OK).port}", ca=str(tmp_path / "ca.pem"))
    assert observation.outcome == "unexpected"
    assert "certificate" in observation.seen
