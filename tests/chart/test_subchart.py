"""The chart as a subchart: global values, and `enabled`."""

from pathlib import Path

import pytest
import yaml

from tests.chart.chart import CHART, ONE, container, kind, pod, render

majors = pytest.mark.parametrize("major", [4, 3])


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts/netproof").symlink_to(CHART)
    dependency = {"name": "netproof", "version": "*", "condition": "netproof.enabled"}
    about = {"apiVersion": "v2", "name": "shop", "version": "1.0.0", "dependencies": [dependency]}
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(about))
    globals_ = {
        "imageRegistry": "mirror.example.com",
        "imagePullSecrets": ["pull"],
        "storageClass": "of the parent's own",
    }
    (tmp_path / "values.yaml").write_text(yaml.safe_dump({"global": globals_, "netproof": ONE}))
    return tmp_path


@majors
def test_global_values_are_used(parent: Path, major: int) -> None:
    objects = render(chart=parent, major=major)
    assert container(objects)["image"].startswith("mirror.example.com/netproof/")
    assert pod(objects)["spec"]["imagePullSecrets"] == [{"name": "pull"}]


@majors
def test_enabled_false_installs_nothing(parent: Path, major: int) -> None:
    assert render({"netproof": {"enabled": False}}, chart=parent, major=major) == []


@majors
def test_null_and_vantages_work_from_a_parent(parent: Path, major: int) -> None:
    values = {"netproof": {"resources": {"limits": None}, "vantages": {"a": {"cronjob": {"suspend": True}}}}}
    objects = render(values, chart=parent, major=major)
    assert kind(objects, "CronJob")["np-netproof-a"]["spec"]["suspend"] is True
    assert "limits" not in container(objects, "np-netproof-a")["resources"]
