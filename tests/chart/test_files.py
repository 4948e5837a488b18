"""Files that repeat others are up to date."""

import json
import re

import yaml

from chart import values_schema, values_table
from checker import __version__
from tests.chart.chart import CHART


def test_the_schema_is_up_to_date() -> None:
    assert json.loads(values_schema.TARGET.read_text()) == values_schema.schema(), "run: python chart/values_schema.py"
    assert json.loads(values_schema.TARGETS.read_text()) == values_schema.kinds(), "run: python chart/values_schema.py"


def test_the_package_has_the_licence() -> None:
    assert (CHART / "LICENSE").read_bytes() == (CHART.parent / "LICENSE").read_bytes()


def test_the_readme_has_the_table_of_values() -> None:
    text = (CHART / "README.md").read_text()
    assert text == values_table.readme(text), "run: python chart/values_table.py"


def test_every_value_has_a_comment_and_a_place_in_the_schema() -> None:
    schema = json.loads(values_schema.TARGET.read_text())
    for path, _, _ in values_table.rows():
        place = schema
        for key in path.split("."):
            while "$ref" in place:
                target = schema
                for step in place["$ref"].removeprefix("#/").split("/"):
                    target = target[step]
                place = target
            place = place["properties"][key]


def test_the_chart_and_the_checker_are_of_one_version() -> None:
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert about["appVersion"] == __version__
    assert f":{__version__}\n" in about["annotations"]["artifacthub.io/images"]


def test_what_artifact_hub_reads_is_yaml() -> None:
    annotations = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]
    for key in ("images", "links", "changes"):
        assert all(isinstance(each, dict) for each in yaml.safe_load(annotations[f"artifacthub.io/{key}"]))


def test_the_readme_names_values_that_exist() -> None:
    paths = {path for path, _, _ in values_table.rows()}
    known = {path[:end] for path in paths for end in [m.start() for m in re.finditer(r"\.|$", path)]}
    prose = (CHART / "README.md").read_text().split(values_table.BEGIN)[0]
    named = re.findall(r"`((?:control|cronjob|job|global|notifications|settings|commonTargets)\.[A-Za-z.]+)`", prose)
    assert named
    assert set(named) <= known


def test_the_readme_names_the_values_that_no_vantage_has() -> None:
    schema = values_schema.schema()
    alone = (
        schema["properties"].keys() - schema["definitions"]["vantage"]["properties"].keys() - {"vantages", "control"}
    )
    (named,) = re.findall(r"except those of the whole release\s\(([^)]+)\)", (CHART / "README.md").read_text())
    parts = re.findall(r"`…?(\w+)…?`", named)
    assert all(any(part in key for key in alone) for part in parts), parts
    assert {key for key in alone if not any(part in key for part in parts)} == set()


def test_links_of_the_readme_work_on_artifact_hub() -> None:
    links = re.findall(r"\]\(([^)]+)\)", (CHART / "README.md").read_text())
    assert links
    assert all(link.startswith(("https://", "#")) for link in links), links
    assert (CHART / "LICENSE").read_text() == (CHART.parent / "LICENSE").read_text()
