"""The reporter's round, which is repeated: list the objects, judge, save the state, send messages.

That a message was delivered is saved after it was sent: a reporter that is killed in between sends it again. Before it
sends, it claims the channel in the state, so that two reporters do not send the same message.
"""

import base64
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from threading import Event, Lock

import msgspec

from checker.words import seconds
from notifications.channels import folder
from notifications.deliver import Attachment, Delivery, deliver
from notifications.errors import NotificationError
from notifications.heartbeat import beat
from notifications.view import Document
from reporter import history, news
from reporter.api import Api, ApiError, Secret
from reporter.judge import look
from reporter.settings import Settings
from reporter.situation import Situation

Files = dict[str, Path]  # of channels, by name

_KEY = "state"  # in the Secret
_CONFLICT = 409
_BEAT = 60  # seconds between two heartbeats


@dataclass
class Service:
    """One reporter. The page and the metrics read its situation and its counts."""

    settings: Settings
    api: Api
    note: Callable[[str, str], None]  # prints a level and a text
    channels: Path | None = None
    templates: Path | None = None
    heartbeat: Path | None = None
    situation: Situation | None = None
    alive: float = field(default_factory=time.monotonic)  # when a round last ended or made progress
    delivered: Counter[str] = field(default_factory=Counter)  # messages by channel
    failed: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)  # held while a round changes what the situation refers to
    _state: history.State = field(default_factory=history.State)
    _secret: Secret | None = None  # None: the state must be read first
    _unsaved: ApiError | None = None  # why the state could not be written
    _saved: int = 0  # a hash of the state as it was written
    _sent: list[tuple[news.Message, str | None, int]] = field(default_factory=list)  # what the Secret does not have
    _error: str = ""
    _beaten: float = 0.0

    def run(self, stop: Event) -> None:
        """Repeat rounds until the event is set."""
        while not stop.is_set():
            try:
                self.round(int(time.time()))
                error = ""
            except ApiError as failure:
                error = str(failure)
            if error != self._error:
                self.note("ERROR" if error else "INFO", error or "the API answers again")
            self._error = error
            self.beat()
            self.alive = time.monotonic()
            stop.wait(seconds(self.settings.interval))

    def round(self, now: int) -> None:
        """List, judge and save once, and send what is due. Raises ApiError."""
        self._load()
        objects = self.api.objects(self.settings)
        with self.lock:
            self.situation = look(objects, self._state, self.settings, now)
        try:
            channels = self._channels()
        except NotificationError as error:  # what has ended is kept until the channels can be notified of it
            self.note("ERROR", str(error))
            self._save()
        else:
            self._notify(self.situation, channels, now)
        if self._unsaved:
            raise self._unsaved

    def _notify(self, situation: Situation, channels: Files, now: int) -> None:
        """Send what is due. Raises ApiError."""
        messages = news.due(self._state, situation, channels)
        for message in messages:
            self._state.channels[message.channel].until = now + news.CLAIM
        news.settle(self._state, channels)
        self._save()
        if messages:
            self._send(messages, channels, now)
            self._note_sent()
            news.settle(self._state, channels)
            self._save()
        if news.summary_is_due(self._state, situation):
            self._state.digest = now
            self._save()  # before it is sent: a digest is sent once
            files = {name: channels.get(name, Path()) for name in self.settings.digest_channels or channels}
            document, page = news.summary(situation)
            self._deliver(document, files, page)

    def beat(self) -> None:
        """Call the heartbeat: with success if the API answers and there is no finding."""
        if self.heartbeat and time.monotonic() - self._beaten >= _BEAT:
            self._beaten = time.monotonic()
            well = not self._error and self.situation is not None and self.situation.state == "pass"
            if problem := beat(self.heartbeat, well):
                self.note("WARN", f"heartbeat: {problem}")

    @property
    def healthy(self) -> bool:
        """Whether rounds still end. An API that does not answer, or slowly, does not make the reporter unhealthy."""
        longest = 300 + 5 * seconds(self.settings.interval) + 60 * len(self.settings.namespaces)
        return time.monotonic() - self.alive < longest

    def _channels(self) -> Files:
        """Read the channels of the Secret. A channel that only vantages name has no file. Raises NotificationError."""
        if self.channels is None:
            return {}
        named = {name: Path() for vantage in self.settings.vantages for name in vantage.channels}
        return named | folder(self.channels)

    def _send(self, messages: list[news.Message], channels: Files, now: int) -> None:
        """Send equal documents at once, to failing channels last."""
        known = self._state.channels
        ordered = sorted(messages, key=lambda each: (known[each.channel].failing > 0, str(each.document)))
        for document, group in groupby(ordered, key=lambda each: each.document):
            mine = {message.channel: message for message in group}
            for each in self._deliver(document, {name: channels[name] for name in mine}):
                self._sent.append((mine[each.channel], None if each.delivered else each.reason or "", now))
            self.alive = time.monotonic()  # each channel may take its full time limit

    def _deliver(self, document: Document, channels: Files, page: Attachment | None = None) -> list[Delivery]:
        """Send a document, and print and count what became of it."""
        try:
            deliveries = deliver(document, channels, self.templates, page)
        except NotificationError as error:
            deliveries = [Delivery(name, False, f"the message cannot be made: {error}") for name in channels]
        for each in deliveries:
            (self.delivered if each.delivered else self.failed)[each.channel] += 1
            self.note(each.level, str(each))
        return deliveries

    def _note_sent(self) -> None:
        """Note in the state what became of the messages that were sent."""
        for message, reason, at in self._sent:
            news.sent(self._state, message, reason, at)

    def _load(self) -> None:
        """Read the state from its Secret, at the start and after a conflict. Raises ApiError.

        Without a state in it, or with a damaged one, the reporter goes on with the state that it has.
        """
        if self._secret:
            return
        secret = self.api.secret(self.settings.namespace, self.settings.state_secret)
        packed = (secret.data or {}).get(_KEY)
        try:
            if packed:
                self._state = history.load(base64.b64decode(packed))
        except ValueError as error:
            self.note("ERROR", f"{error}; it will be replaced")
        self._secret, self._saved = secret, 0
        self._note_sent()

    def _save(self) -> None:
        """Write the state if it has changed. Raises ApiError after a conflict: then it must be read again.

        After another error the round goes on: a message must not depend on the state's Secret.
        """
        self._unsaved = None
        if self._secret is None or hash(msgspec.json.encode(self._state)) == self._saved:
            return
        try:
            self._secret = self.api.update(self._secret, _KEY, history.dump(self._state))
            self._saved = hash(msgspec.json.encode(self._state))  # dump() may have removed history
            self._sent.clear()
        except ApiError as error:
            if error.status == _CONFLICT:
                self._secret = None
                raise
            self._unsaved = error
