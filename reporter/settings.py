"""reporter.yaml: the vantages of the release, and the settings of the reporter. The chart writes it."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from checker.words import DURATION
from reporter.schedule import due

Duration = Annotated[str, Meta(pattern=DURATION)]


class Vantage(Struct, frozen=True, kw_only=True, rename="camel"):
    """A vantage of the release. The state keeps it too, also one of a later version, which may have more fields."""

    name: Annotated[str, Meta(description="The label netproof-vantage of its objects.")]
    namespace: str
    role: Literal["vantage", "control"] = "vantage"
    mode: Literal["cronjob", "continuous"] = "cronjob"
    schedule: Annotated[str, Meta(description="Of its CronJob, where that cannot be read.")] = ""
    every: Annotated[Duration, Meta(description="The pause between two rounds of a continuous vantage.")] = "60s"
    config: Annotated[str, Meta(description="A checksum of the configuration of a continuous vantage.")] = ""
    channels: Annotated[tuple[str, ...], Meta(description="Channels to notify; empty: all.")] = ()


class Settings(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The whole file. Durations are such as 20s, 2m, 24h."""

    release: Annotated[str, Meta(description="The label netproof-release of the objects.")] = ""
    namespace: Annotated[str, Meta(description="Of the reporter and its Secrets.")] = ""
    cluster: Annotated[str, Meta(description="Its name, for messages.")] = ""
    cluster_domain: str = "cluster.local"
    interval: Duration = "20s"
    remind_every: Duration = "24h"
    group_within: Duration = "2m"
    state_secret: str = ""
    namespaces: Annotated[tuple[str, ...], Meta(description="Those that hold vantages.")] = ()
    vantages: tuple[Vantage, ...] = ()
    runbook_url: str = ""
    digest: Annotated[str, Meta(description="When the summary is sent: a cron schedule, in UTC.")] = ""
    digest_channels: Annotated[tuple[str, ...], Meta(description="Channels for the summary; empty: all.")] = ()
    port: Annotated[int, Meta(description="Of /healthz and /metrics, on every address.")] = 8080
    page_port: Annotated[int, Meta(description="Of the page, on 127.0.0.1 alone.")] = 8081

    def __post_init__(self) -> None:
        if self.digest:
            due(self.digest, 0)


def load(content: bytes) -> Settings:
    """Read reporter.yaml. Raises ValueError, which names the key."""
    return msgspec.yaml.decode(content or b"{}", type=Settings)
