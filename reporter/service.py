"""The reporter's round: list, judge, remember, report. It is made again and again; nothing is lost when it is killed.

What a channel took is written after it was sent, so a reporter that dies in between sends again. Before it sends it
claims the channel in the state, so two reporters do not send the same.
"""

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from threading import Event
from typing import Any

import msgspec

from checker.words import seconds
from notifications.channels import folder
from notifications.deliver import Delivery, deliver
from notifications.errors import NotificationError
from notifications.heartbeat import beat
from reporter import digest, history, news
from reporter.api import Api, ApiError
from reporter.judge import look
from reporter.settings import Settings
from reporter.situation import Situation

_KEY = "state"  # in the Secret
_CONFLICT, _TRIES = 409, 4
_BEAT = 60  # seconds between two heartbeats


@dataclass
class Service:
    """One reporter. What it knows is read by the page and the metrics."""

    settings: Settings
    api: Api
    note: Callable[[str, str], None]  # prints a level and a text
    channels: Path | None = None
    templates: Path | None = None
    heartbeat: Path | None = None
    situation: Situation | None = None
    api_success: float | None = None  # when the API was last read, in seconds since the epoch
    alive: float = field(default_factory=time.monotonic)  # when a round last ended, well or not
    delivered: dict[str, int] = field(default_factory=dict)  # messages by channel
    failed: dict[str, int] = field(default_factory=dict)
    _state: history.State | None = None
    _secret: dict[str, Any] = field(default_factory=dict)
    _saved: int = 0  # a hash of the state as it was written
    _error: str = ""
    _beaten: float = 0.0

    def run(self, stop: Event) -> None:
        """Make rounds until the event is set."""
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
        """Look once, and send what is due. Raises ApiError."""
        state = self._state or self._load()
        objects = self.api.objects(self.settings)
        self.situation = look(objects, state, self.settings, now)
        self.api_success = time.time()
        channels = self._channels()
        messages = news.due(state, self.situation, self.settings, channels, now)
        for message in messages:
            state.claims[message.channel] = now + news.CLAIM
        news.settle(state, self.settings, channels)
        self._save(state)
        if messages:
            self._record(self._send(state, messages, channels), channels, now)
        if digest.is_due(state, self.settings, now):
            self._digest(state, self.situation, channels, now)

    def beat(self) -> None:
        """Call the heartbeat: with success while the API answers and nothing is wrong."""
        if self.heartbeat and time.monotonic() - self._beaten >= _BEAT:
            self._beaten = time.monotonic()
            well = not self._error and self.situation is not None and self.situation.state == "pass"
            if problem := beat(self.heartbeat, well):
                self.note("WARN", f"heartbeat: {problem}")

    @property
    def healthy(self) -> bool:
        """Whether rounds still happen. An API that does not answer is no reason to start anew."""
        return time.monotonic() - self.alive < 300 + 5 * seconds(self.settings.interval)

    def _channels(self) -> dict[str, Path]:
        """Read the channels of the Secret. Those that only vantages name have no file."""
        if self.channels is None:
            return {}
        try:
            there = folder(self.channels)
        except NotificationError as error:
            self.note("ERROR", str(error))
            return {}
        named = {name: Path() for vantage in self.settings.vantages for name in vantage.channels}
        return named | there

    def _send(
        self, state: history.State, messages: list[news.Message], channels: dict[str, Path]
    ) -> list[tuple[news.Message, str | None]]:
        """Send what is due, one delivery for each document, those to channels that fail last. Return what failed."""

        def same(message: news.Message) -> tuple[bool, str]:
            return message.channel in state.failing, str(message.document)

        results: list[tuple[news.Message, str | None]] = []
        for _, group in groupby(sorted(messages, key=same), same):
            mine = {message.channel: message for message in group}
            document = next(iter(mine.values())).document
            try:
                deliveries = deliver(document, {name: channels[name] for name in mine}, self.templates)
            except NotificationError as error:
                self.note("ERROR", f"the message cannot be made: {error}")
                continue
            for each in deliveries:
                self._count(each)
                results.append((mine[each.channel], None if each.delivered else each.reason or "unknown"))
        return results

    def _digest(self, state: history.State, situation: Situation, channels: dict[str, Path], now: int) -> None:
        """Send the summary, once: a channel that does not take it hears of findings all the same. Raises ApiError."""
        state.digest = now
        self._save(state)
        named = self.settings.digest_channels or channels
        chosen = {name: file for name, file in channels.items() if name in named}
        document, page = digest.document(state, situation, self.settings), digest.attachment(situation)
        for each in deliver(document, chosen, self.templates, page):
            self._count(each)

    def _count(self, delivery: Delivery) -> None:
        counts = self.delivered if delivery.delivered else self.failed
        counts[delivery.channel] = counts.get(delivery.channel, 0) + 1
        self.note(delivery.level, str(delivery))

    def _record(self, results: list[tuple[news.Message, str | None]], channels: dict[str, Path], now: int) -> None:
        """Write what became of messages, also when another reporter has written in between. Raises ApiError."""
        for left in range(_TRIES, -1, -1):
            state = self._state or self._load()
            for message, reason in results:
                news.sent(state, message, reason, now)
            news.settle(state, self.settings, channels)
            try:
                return self._save(state)
            except ApiError as error:
                if error.status != _CONFLICT or not left:
                    raise
        return None

    def _load(self) -> history.State:
        """Read the state from its Secret. Raises ApiError."""
        self._secret = self.api.secret(self.settings.namespace, self.settings.state_secret)
        packed = (self._secret.get("data") or {}).get(_KEY)
        state = history.State()
        if packed:
            try:
                state = history.load(base64.b64decode(packed))
            except ValueError as error:
                self.note("ERROR", f"{error}; begun anew")
        return state

    def _save(self, state: history.State) -> None:
        """Write the state if it has changed. Raises ApiError; after a conflict the next round reads it anew."""
        plain = hash(msgspec.json.encode(state))
        if plain != self._saved:
            self._state = None  # until it is written
            self._secret = self.api.update(self._secret, _KEY, history.dump(state))
            self._saved = hash(msgspec.json.encode(state))  # to fit, the oldest history may have gone
        self._state = state
