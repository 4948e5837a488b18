"""The cause of a failed delivery, recognised in the texts of libraries. These texts quote URLs, so none is shown."""

import re
from collections.abc import Iterable

# The first that matches counts.
_CAUSES: tuple[tuple[str, str], ...] = (
    (r"Notification Exception: $", "its answer is too large, or cannot be read"),  # a MemoryError has no text
    (r"CERTIFICATE_VERIFY_FAILED|SSLCertVerification", "its certificate is not trusted (SSL_CERT_FILE names the CA)"),
    (r"CA certificate bundle|FileNotFoundError.*certs?", "the CA file that SSL_CERT_FILE names cannot be read"),
    (r"ProxyError|Tunnel connection failed|SOCKS", "the proxy (HTTPS_PROXY) did not connect"),
    (r"NameResolution|Name or service not|name resolution|getaddrinfo|No address assoc", "its name does not resolve"),
    (r"timed out|Timeout", "no answer in time"),
    (r"Connection refused", "connection refused"),
    (r"unreachable|No route", "its network is unreachable"),
    (r"\[SSL", "TLS failed"),
    (r"BadStatusLine|LineTooLong|InvalidHeader|RemoteProtocol.*illegal|chunk size|\(-1, b", "its answer is invalid"),
    (r"reset by peer|RemoteDisc|onnection.* (aborted|closed)|IncompleteRead|disconnect", "it closed the connection"),
    (r"extension not supported", "the server offers no login, or no STARTTLS"),
)
# At debug level, apprise also logs the message that is sent. Its text must not be searched for causes.
_REASONS = ("Socket Exception", "Notification Exception")


def of_log(entries: Iterable[tuple[str, str]]) -> str:
    """Return why the last try of a channel failed. ``entries`` is what apprise logged, as levels and texts."""
    log = "\n".join(text for level, text in entries if level != "DEBUG" or text.startswith(_REASONS))
    if codes := re.findall(r"error=(\d{3})\b", log):
        code = int(codes[-1])
        hint = {3: ": a redirect, not followed", 2: ", but not the answer of the service"}.get(code // 100, "")
        return f"HTTP {code}{hint or (': is the URL still valid?' if code in (401, 403, 404, 410) else '')}"
    if replies := re.findall(r"\((\d{3}), b['\"]", log):
        return f"SMTP {replies[-1]}{': login refused' if replies[-1] == '535' else ''}"
    return of_text(log) or "apprise gives no reason"


def of_text(text: str) -> str | None:
    """Recognise a network failure in the text of an exception or a log."""
    return next((words for pattern, words in _CAUSES if re.search(pattern, text)), None)
