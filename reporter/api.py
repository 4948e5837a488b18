"""The client of the Kubernetes API: lists by label, page by page, and one Secret.

Each request reads the token again (it expires), verifies the API's certificate, and is limited in time and size. After
429 and 5xx it is sent again. https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
"""

import base64
import json
import os
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from checker.words import harmless
from reporter.objects import Objects, read
from reporter.settings import Settings

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_PATIENCE, _ANSWER = 30.0, 10.0  # seconds for a request with its retries, and for each part of an answer
_LARGEST = 64 * 2**20  # bytes of an answer
_PAGE = 250
_LISTS = (("apis/batch/v1", "CronJob"), ("apis/batch/v1", "Job"), ("api/v1", "Pod"))


class ApiError(Exception):
    """A request was refused, or the API could not be reached. `status` is 0 without an answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def address() -> str:
    """Return the API's address, from the environment of a pod. Raises ApiError."""
    try:
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    except KeyError:
        raise ApiError("this is not a pod of Kubernetes: KUBERNETES_SERVICE_HOST is not set") from None
    return f"https://{f'[{host}]' if ':' in host else host}:{port}"


class Secret(Struct, frozen=True, kw_only=True, rename="camel"):
    """v1 Secret."""

    api_version: str = "v1"
    kind: str = "Secret"
    type: str | None = None
    metadata: dict[str, Any]
    data: dict[str, str] | None = None


@dataclass(frozen=True)
class Api:
    """An API server, by its address and the folder with token and CA."""

    url: str
    account: Path = ACCOUNT
    patience: float = _PATIENCE

    def objects(self, settings: Settings) -> Objects:
        """List the objects of the release. A namespace in which a list is refused is noted, and nothing of it returned.

        Raises ApiError, also if a next page has expired (410): without all pods, Jobs would seem to have none.
        """
        found = Objects()
        selector = f"netproof-release={settings.release}"
        with self._client() as client:
            for namespace in settings.namespaces:
                try:
                    for group, kind in _LISTS:  # pods last: they are as new as their Jobs, or newer
                        path = f"{group}/namespaces/{namespace}/{kind.lower()}s"
                        self._list(client, path, kind, selector, found)
                except ApiError as error:
                    if error.status not in (403, 404):
                        raise
                    found.unlisted[namespace] = str(error)
                    found.items = [each for each in found.items if each.metadata.namespace != namespace]
        return found

    def secret(self, namespace: str, name: str) -> Secret:
        """Read a Secret. Raises ApiError."""
        return self._secret("GET", f"api/v1/namespaces/{namespace}/secrets/{name}")

    def update(self, secret: Secret, key: str, value: bytes) -> Secret:
        """Write one value of a Secret. Raises ApiError; 409 if the Secret has changed since it was read."""
        path = f"api/v1/namespaces/{secret.metadata['namespace']}/secrets/{secret.metadata['name']}"
        changed = replace(secret, data={**(secret.data or {}), key: base64.b64encode(value).decode()})
        return self._secret("PUT", path, content=msgspec.json.encode(changed))

    def _secret(self, method: str, path: str, **given: Any) -> Secret:
        try:
            with self._client() as client:
                return msgspec.json.decode(self._call(client, method, path, **given), type=Secret)
        except ValueError as error:
            raise ApiError(f"{path}: the answer is not a Secret: {error}") from None

    def _list(self, client: httpx.Client, path: str, kind: str, selector: str, into: Objects) -> None:
        params = {"labelSelector": selector, "limit": str(_PAGE)}
        while True:
            try:
                following = read(self._call(client, "GET", path, params=params), into, kind)
            except ValueError as error:
                raise ApiError(f"{path}: {error}") from None
            if not following:
                return
            params["continue"] = following

    def _client(self) -> httpx.Client:
        try:
            context = ssl.create_default_context(cafile=str(self.account / "ca.crt"))
            # Python 3.13 demands extensions (RFC 5280) that the CAs of many clusters lack; all else is verified.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        except OSError as error:
            raise ApiError(f"{self.account}/ca.crt cannot be used: {error.strerror}") from None
        return httpx.Client(base_url=self.url, verify=context, timeout=_ANSWER, trust_env=False)

    def _call(self, client: httpx.Client, method: str, path: str, **given: Any) -> bytes:
        """Send a request until it succeeds. Raises ApiError."""
        end, pause = time.monotonic() + self.patience, 0.5
        headers = {"Accept": "application/json", "User-Agent": "netproof", "Content-Type": "application/json"}
        while True:
            try:
                token = (self.account / "token").read_text(encoding="ascii").strip()
                headers["Authorization"] = f"Bearer {token}"
                with client.stream(method, path, headers=headers, **given) as answer:
                    body = _body(answer, end)
                if answer.is_success:
                    return body
                failed = ApiError(f"{path}: {_reason(answer.status_code, body)}", answer.status_code)
                if answer.status_code != 429 and answer.status_code < 500:
                    raise failed
                after = answer.headers.get("Retry-After", "")
                pause = min(max(float(after), pause), 60.0) if after.isascii() and after.isdigit() else pause
            except (httpx.HTTPError, OSError, UnicodeDecodeError) as error:
                failed = ApiError(f"{path}: {type(error).__name__}: {harmless(str(error))[:200]}")
            if time.monotonic() + pause >= end:
                raise failed
            time.sleep(pause)
            pause *= 2


def _body(answer: httpx.Response, end: float) -> bytes:
    parts, size = [], 0
    for part in answer.iter_bytes():
        parts.append(part)
        size += len(part)
        if size > _LARGEST:
            raise httpx.HTTPError(f"the answer has more than {_LARGEST} bytes")
        if time.monotonic() > end:
            raise httpx.HTTPError("the answer takes too long")
    return b"".join(parts)


def _reason(status: int, body: bytes) -> str:
    """Read the reason of a refusal: a Status object has a message."""
    try:
        return f"HTTP {status}: {harmless(str(json.loads(body)['message']))[:300]}"
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status}"
