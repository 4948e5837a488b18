"""The fields of Kubernetes objects that the reporter needs, read from `kubectl get -o json` or from the API.

An object that cannot be read is named and left out: it must not hide the others.
https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/
"""

from collections import defaultdict
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct, field
from msgspec.structs import replace

from checker.words import harmless

_KINDS = ("CronJob", "Job", "Pod")
_UNREADABLE = (ValueError, RecursionError)  # what msgspec raises


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


class Group(Struct):
    """The objects of one vantage."""

    cronjob: Object | None = None
    jobs: list[tuple[Object, list[Object]]] = []  # each with its pods, the last one last
    continuous: list[Object] = []  # pods


class Objects(Struct):
    """All that was listed. `unlisted` holds the namespaces that could not be, each with the reason."""

    items: list[Object] = []
    unreadable: list[str] = []
    unlisted: dict[str, str] = {}

    def by_vantage(self) -> dict[str, Group]:
        """Group the objects by their vantage, namespace/release/name."""
        groups, pods = defaultdict[str, Group](Group), defaultdict[str, list[Object]](list)
        for pod in sorted((each for each in self.items if each.kind == "Pod"), key=lambda pod: pod.metadata.created):
            for owner in pod.metadata.owner_references or ():
                pods[owner.uid].append(pod)
        for each in self.items:
            if vantage := each.metadata.vantage:
                if each.kind == "CronJob":
                    groups[vantage].cronjob = each
                elif each.kind == "Job":
                    groups[vantage].jobs.append((each, pods[each.metadata.uid]))
                elif each.continuous:
                    groups[vantage].continuous.append(each)
        return groups


class _List(Struct):
    items: list[Raw]
    metadata: dict[str, Any] = {}


class _Name(Struct, frozen=True):
    namespace: str = ""
    name: str = "?"


class _Header(Struct):
    kind: str = ""
    metadata: _Name = _Name()


def read(text: bytes, into: Objects, kind: str = "") -> str:
    """Add the objects of a list, all of one kind where a list of the API names none. Return the next page's token.

    Raises ValueError if the text is no list.
    """
    try:
        found = msgspec.json.decode(text, type=_List)
    except _UNREADABLE as error:
        raise ValueError(f"it is not a list of Kubernetes objects in JSON: {error}") from None
    for raw in found.items:
        header = _Header()
        try:
            header = msgspec.json.decode(raw, type=_Header)
            if (kind or header.kind) in _KINDS:
                into.items.append(replace(msgspec.json.decode(raw, type=Object), kind=kind or header.kind))
        except _UNREADABLE as error:
            name = f"{kind or header.kind or 'object'} {header.metadata.namespace}/{header.metadata.name}"
            into.unreadable.append(harmless(f"{name}: {error}"[:300]))
    return str(found.metadata.get("continue") or "")
