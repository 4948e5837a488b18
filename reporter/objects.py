"""The fields of Kubernetes objects that the reporter needs, read from `kubectl get -o json` or from the API.

An object that cannot be read is named and left out: it must not hide the others.
https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/
"""

from collections import defaultdict
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct, field
from msgspec.structs import replace

from checker.words import harmless

_KINDS = ("CronJob", "Job", "Pod")
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class UnreadableListError(ValueError):
    """A text that is no list of Kubernetes objects."""


def seconds(time: datetime | None) -> int:
    """Return the seconds since the epoch; 0 for None."""
    return int(time.timestamp()) if time else 0


class Owner(Struct, frozen=True):
    """The object that made this one."""

    uid: str = ""
    kind: str = ""


class Metadata(Struct, frozen=True, rename="camel"):
    """What every object has."""

    name: str
    namespace: str = ""
    uid: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    owner_references: list[Owner] | None = None

    @property
    def created(self) -> int:
        """When it was made."""
        return seconds(self.creation_timestamp)

    @property
    def vantage(self) -> str | None:
        """The vantage of an object, as namespace/release/name; None for an object of something else."""
        labels = self.labels or {}
        release, name = labels.get("netproof-release"), labels.get("netproof-vantage")
        if not (release and name) or "helm.sh/hook" in (self.annotations or {}):
            return None
        return harmless(f"{self.namespace}/{release}/{name}")


class Spec(Struct, frozen=True, rename="camel"):
    """What a CronJob asks for."""

    schedule: str = ""
    time_zone: str | None = None
    suspend: bool | None = None


class Condition(Struct, frozen=True, rename="camel"):
    """A condition of a Job or a pod."""

    type: str
    status: str
    reason: str | None = None
    message: str | None = None
    last_transition_time: datetime | None = None


class Detail(Struct, frozen=True, rename="camel"):
    """Since when a container runs, why it waits, or how it terminated."""

    reason: str | None = None
    message: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None


class Container(Struct, frozen=True, rename="camel"):
    """The status of a container. A state has one key: `waiting`, `running` or `terminated`."""

    name: str
    state: dict[str, Detail] = {}
    last_state: dict[str, Detail] = {}
    started: bool | None = None
    restart_count: int = 0
    image: str = ""
    image_id: str = field(name="imageID", default="")


class Status(Struct, frozen=True, rename="camel"):
    """What is seen of a Job or a pod."""

    start_time: datetime | None = None
    phase: str | None = None
    reason: str | None = None
    message: str | None = None
    conditions: list[Condition] | None = None
    container_statuses: list[Container] | None = None
    init_container_statuses: list[Container] | None = None


class Object(Struct, frozen=True):
    """A batch/v1 CronJob, a batch/v1 Job or a v1 Pod."""

    metadata: Metadata
    spec: Spec = Spec()
    status: Status = Status()
    kind: str = ""

    @property
    def ended(self) -> Condition | None:
        """The condition that a Job ended with, Complete or Failed."""
        ends = (each for each in self.status.conditions or () if each.type in ("Complete", "Failed"))
        return next((each for each in ends if each.status == "True"), None)

    @property
    def checker(self) -> Container | None:
        """The container of a pod that checks."""
        return next((each for each in self.status.container_statuses or () if each.name == "netproof"), None)

    @property
    def continuous(self) -> bool:
        """Whether it is the pod of a vantage that runs continuously."""
        owners = self.metadata.owner_references or ()
        return self.checker is not None and any(owner.kind == "ReplicaSet" for owner in owners)

    @property
    def started(self) -> int:
        """Since when the rounds of a continuous pod happen, after its startup probe; 0: they do not."""
        running = self.checker.state.get("running") if self.checker and self.checker.started else None
        return seconds(running.started_at) if running else 0


class Objects(Struct):
    """All that was listed. `unlisted` holds the namespaces that could not be, each with the reason."""

    items: list[Object] = []
    unreadable: list[str] = []
    unlisted: dict[str, str] = {}

    def of(self, kind: str) -> list[Object]:
        """Return the objects of one kind."""
        return [each for each in self.items if each.kind == kind]

    def by_vantage(self) -> "dict[str, Objects]":
        """Group the objects by their vantage, namespace/release/name."""
        found = defaultdict[str, Objects](Objects)
        for each in self.items:
            if vantage := each.metadata.vantage:
                found[vantage].items.append(each)
        return found


class _List(Struct):
    items: list[Raw]
    metadata: dict[str, Any] = {}


class _Named(Struct):
    kind: str = ""
    metadata: dict[str, Any] = {}


def read(text: bytes, into: Objects, kind: str = "") -> str:
    """Add the objects of a list, all of one kind where a list of the API names none. Return the next page's token.

    Raises UnreadableListError.
    """
    try:
        found = msgspec.json.decode(text, type=_List)
    except _UNREADABLE as error:
        raise UnreadableListError(f"it is not a list of Kubernetes objects in JSON: {error}") from None
    for raw in found.items:
        what, named = kind, _Named()
        try:
            what = kind or msgspec.json.decode(raw, type=_Named).kind
            if what in _KINDS:
                into.items.append(replace(msgspec.json.decode(raw, type=Object), kind=what))
        except _UNREADABLE as error:
            with suppress(*_UNREADABLE):
                named = msgspec.json.decode(raw, type=_Named)
            name = f"{named.metadata.get('namespace', '')}/{named.metadata.get('name', '?')}"
            into.unreadable.append(harmless(f"{what or named.kind or 'object'} {name}: {error}"[:300]))
    return str(found.metadata.get("continue") or "")
