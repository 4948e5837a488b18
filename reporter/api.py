"""The API server, as far as it is needed: lists by label, page by page, and one Secret.

Each request reads the token anew (it expires), checks the API's certificate, and is bounded in time and size. 429 and
5xx are waited out. https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
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

from checker.words import harmless
from reporter.objects import Objects, UnreadableListError, read
from reporter.settings import Settings

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_PATIENCE, _ANSWER = 30.0, 10.0  # seconds for a request with its repetitions, and for each part of an answer
_LARGEST = 64 * 2**20  # bytes of an answer
_PAGE = 250
_EXPIRED = 410  # a token of the next page that is too old
_LISTS = (("apis/batch/v1", "cronjobs", "CronJob"), ("apis/batch/v1", "jobs", "Job"), ("api/v1", "pods", "Pod"))


class ApiError(Exception):
    """The API refused, or could not be reached. `status` is 0 without an answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def address() -> str:
    """Return the API's address inside of a pod. Raises ApiError."""
    try:
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    except KeyError:
        raise ApiError("this is not a pod of Kubernetes: KUBERNETES_SERVICE_HOST is not set") from None
    return f"https://{f'[{host}]' if ':' in host else host}:{port}"


@dataclass(frozen=True)
class Api:
    """An API server, by its address and the folder with token and CA."""

    url: str
    account: Path = ACCOUNT
    patience: float = _PATIENCE

    def objects(self, settings: Settings) -> Objects:
        """List what the vantages of the release left. A namespace that is refused is noted. Raises ApiError."""
        found = Objects()
        selector = f"netproof-release={settings.release}"
        with self._client() as client:
            for namespace in settings.namespaces:
                try:
                    for group, kind, one in _LISTS:  # pods last: they are as new as their Jobs, or newer
                        path = f"{group}/namespaces/{namespace}/{kind}"
                        self._list(client, path, one, selector, found)
                except ApiError as error:
                    if error.status not in (403, 404):
                        raise
                    found.unlisted[namespace] = str(error)
        return found

    def secret(self, namespace: str, name: str) -> dict[str, Any]:
        """Read a Secret. Raises ApiError."""
        with self._client() as client:
            return _object(self._call(client, "GET", f"api/v1/namespaces/{namespace}/secrets/{name}"))

    def update(self, secret: dict[str, Any], key: str, value: bytes) -> dict[str, Any]:
        """Write one value of a Secret unless somebody else has written it since. Raises ApiError: 409 then."""
        data = {**(secret.get("data") or {}), key: base64.b64encode(value).decode()}
        metadata = secret["metadata"]
        path = f"api/v1/namespaces/{metadata['namespace']}/secrets/{metadata['name']}"
        with self._client() as client:
            return _object(self._call(client, "PUT", path, content=json.dumps({**secret, "data": data}).encode()))

    def _list(self, client: httpx.Client, path: str, kind: str, selector: str, into: Objects) -> None:
        params = {"labelSelector": selector, "limit": str(_PAGE)}
        while True:
            try:
                following = read(self._call(client, "GET", path, params=params), into, kind)
            except UnreadableListError as error:
                raise ApiError(f"{path}: {error}") from None
            except ApiError as error:
                if error.status != _EXPIRED or "continue" not in params:
                    raise
                following = ""  # objects of the pages that are missing are read in the next round
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
        """Make a request until it is answered with success. Raises ApiError."""
        end, pause = time.monotonic() + self.patience, 0.5
        while True:
            try:
                token = (self.account / "token").read_text(encoding="ascii").strip()
                headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": "netproof"}
                headers |= {"Content-Type": "application/json"} if "content" in given else {}
                with client.stream(method, path, headers=headers, **given) as answer:
                    body = _body(answer, end)
                if answer.is_success:
                    return body
                failed = ApiError(f"{path}: {_reason(answer.status_code, body)}", answer.status_code)
                if answer.status_code != 429 and answer.status_code < 500:
                    raise failed
                pause = _seconds(answer.headers.get("Retry-After"), pause)
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


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("metadata"), dict):
        raise ApiError("the answer is not a Kubernetes object")
    return found


def _seconds(text: str | None, default: float) -> float:
    return min(float(text), 60.0) if text and text.isascii() and text.isdigit() else default
