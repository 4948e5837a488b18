"""The same manifests, applied twice to a cluster, show no difference to a GitOps controller."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.e2e.cluster import CHART

if TYPE_CHECKING:
    from tests.e2e.cluster import Space

VALUES = ("podLabels.app=frontend", "targets.allow[0]=catalog:8080", "targets.deny[0]=db:27017", "cronjob.suspend=true")


def test_no_difference_after_it_was_applied(space: Space) -> None:
    values = [f"--set={value}" for value in VALUES]
    template = [str(space.cluster.helm_), "template", "np", str(CHART), "-n", space.name, "--no-hooks", *values]
    manifests = subprocess.run(template, check=True, capture_output=True, text=True).stdout
    space.kubectl("apply", "-f", "-", given=manifests)
    assert space.kubectl("diff", "-f", "-", given=manifests) == ""  # kubectl ends with 1 if there is one
    space.kubectl("apply", "--server-side", "--field-manager=gitops", "--force-conflicts", "-f", "-", given=manifests)
    assert space.kubectl("diff", "--server-side", "--field-manager=gitops", "-f", "-", given=manifests) == ""
