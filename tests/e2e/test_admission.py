"""The API server accepts every object of every values file of chart/ci, with strict validation and without a warning.

Only an API server is needed: no node, no image.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.e2e.cluster import CHART

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.cluster import Cluster

FILES = sorted((CHART / "ci").glob("*-values.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_api_server_accepts_every_object(cluster: Cluster, file: Path) -> None:
    rendered = cluster.helm("template", "np", str(CHART), "-n", "shop", "--values", str(file))
    objects = [each for each in yaml.safe_load_all(rendered) if each]
    for each in objects:
        if each["apiVersion"].startswith("monitoring.coreos.com/"):  # custom resources, which a cluster need not have
            continue
        if "namespace" in each["metadata"]:  # the API server wants the namespace to exist
            each["metadata"]["namespace"] = "default"
        create = ["create", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-o", "name", "-f", "-"]
        assert cluster.kubectl(*create, given=json.dumps(each)).endswith(f"/{each['metadata']['name']}\n")
