"""The fields of Kubernetes objects that the reporter needs, read from `kubectl get -o json` or from the API.

An object that cannot be read is named and left out: it must not hide the others.
https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/
"""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from checker.words import harmless


class UnreadableListError(ValueError):
    """A text that is no list of Kubernetes objects."""


def seconds(time: datetime | None) -> int:
    """Return the seconds since the epoch; 0 for None."""
    return int(time.timestamp()) if time else 0


class Owner(Struct, frozen=True, rename="camel"):
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
    owner_references: list[Owner] | None = None

    @property
    def created(self) -> int:
        """When it was made."""
        return seconds(self.creation_timestamp)


class Condition(Struct, frozen=True, rename="camel"):
    """A condition of a Job or a pod."""

    type: str
    status: str
    reason: str | None = None
    message: str | None = None
    last_transition_time: datetime | None = None


class _CronJobSpec(Struct, frozen=True, rename="camel"):
    schedule: str = ""
    time_zone: str | None = None
    suspend: bool | None = None


class CronJob(Struct, frozen=True):
    """batch/v1 CronJob."""

    metadata: Metadata
    spec: _CronJobSpec


class _JobStatus(Struct, frozen=True, rename="camel"):
    start_time: datetime | None = None
    conditions: list[Condition] | None = None


class Job(Struct, frozen=True):
    """batch/v1 Job."""

    metadata: Metadata
    status: _JobStatus = _JobStatus()

    @property
    def ended(self) -> Condition | None:
        """The condition that it ended with, Complete or Failed."""
        ends = (each for each in self.status.conditions or () if each.type in ("Complete", "Failed"))
        return next((each for each in ends if each.status == "True"), None)


class Terminated(Struct, frozen=True, rename="camel"):
    """How a container ended: its state `terminated`."""

    exit_code: int
    reason: str | None = None
    message: str | None = None
    finished_at: datetime | None = None


class _Running(Struct, frozen=True, rename="camel"):
    started_at: datetime | None = None


class _Waiting(Struct, frozen=True):
    reason: str | None = None
    message: str | None = None


class _ContainerState(Struct, frozen=True):
    waiting: _Waiting | None = None
    running: _Running | None = None
    terminated: Terminated | None = None


class Container(Struct, frozen=True, rename="camel"):
    """The status of a container."""

    name: str
    state: _ContainerState = _ContainerState()
    last_state: _ContainerState = _ContainerState()
    started: bool | None = None
    restart_count: int = 0
    image: str = ""
    image_id: str = field(name="imageID", default="")


class _PodStatus(Struct, frozen=True, rename="camel"):
    phase: str | None = None
    reason: str | None = None
    message: str | None = None
    conditions: list[Condition] | None = None
    container_statuses: list[Container] | None = None
    init_container_statuses: list[Container] | None = None


class Pod(Struct, frozen=True):
    """v1 Pod."""

    metadata: Metadata
    status: _PodStatus = _PodStatus()

    @property
    def checker(self) -> Container | None:
        """The container that checks."""
        statuses = self.status.container_statuses or ()
        return next((each for each in statuses if each.name == "netproof"), None)

    @property
    def continuous(self) -> bool:
        """Whether it is of a vantage that runs continuously."""
        owners = self.metadata.owner_references or ()
        return self.checker is not None and any(owner.kind == "ReplicaSet" for owner in owners)

    @property
    def started(self) -> int:
        """Since when the rounds of a continuous vantage happen, after its startup probe; 0: they do not."""
        running = self.checker.state.running if self.checker and self.checker.started else None
        return seconds(running.started_at) if running else 0


class Objects(Struct):
    """All that was listed. `unlisted` holds the namespaces that could not be, each with the reason."""

    cronjobs: list[CronJob] = []
    jobs: list[Job] = []
    pods: list[Pod] = []
    unreadable: list[str] = []
    unlisted: dict[str, str] = {}

    def add(self, other: "Objects") -> None:
        """Add the objects of another list."""
        for name in ("cronjobs", "jobs", "pods", "unreadable"):
            getattr(self, name).extend(getattr(other, name))


_KINDS: dict[str, type[Any]] = {"CronJob": CronJob, "Job": Job, "Pod": Pod}


class _ListMetadata(Struct, frozen=True, rename={"next": "continue"}):
    next: str | None = None


class _List(Struct):
    items: list[Raw]
    metadata: _ListMetadata = _ListMetadata()


class _Any(Struct):
    kind: str = ""
    metadata: Any = None


def read(text: bytes, into: Objects, kind: str | None = None) -> str:
    """Add the objects of a list, all of one kind where a list of the API names none. Return the next page's token.

    Raises UnreadableListError.
    """
    try:
        found = msgspec.json.decode(text, type=_List)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableListError(f"it is not a list of Kubernetes objects in JSON: {error}") from None
    for raw in found.items:
        what = kind or ""
        try:
            what = kind or msgspec.json.decode(raw, type=_Any).kind
            if what in _KINDS:
                getattr(into, f"{what.lower()}s").append(msgspec.json.decode(raw, type=_KINDS[what]))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            into.unreadable.append(harmless(f"{what or 'object'} {_name(raw)}: {error}"[:300]))
    return found.metadata.next or ""


def _name(raw: Raw) -> str:
    try:
        metadata = msgspec.json.decode(raw, type=_Any).metadata
        return f"{metadata.get('namespace', '')}/{metadata.get('name', '?')}"
    except (msgspec.MsgspecError, AttributeError, UnicodeDecodeError, RecursionError):
        return "without a name"
