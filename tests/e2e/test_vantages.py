"""Three vantages in three namespaces and a control, from one release: which denied targets are shown to be up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.world import SOON, everywhere, policy, server

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.cluster import Run, Space


def test_a_target_that_is_down_fails_the_control_and_is_no_leak(spaces: Callable[..., Space], image: str) -> None:
    shop, batch, audit, ops = (spaces(name) for name in ("shop", "batch", "audit", "ops"))
    places = {"frontend": shop, "backend": batch, "audit": audit, "control": ops}
    shop.deploy(
        *server("catalog", 8080, image=image),
        *server("db", 27017, image=image),
        *server("ledger", 5432, image=image),
        policy("db", {"app": "db"}, ingress=[{"from": [everywhere(app="backend"), everywhere(role="control")]}]),
        policy("ledger", {"app": "ledger"}, ingress=[{"from": [everywhere(role="control")]}]),
    )
    catalog, db, ledger = f"catalog.{shop.name}:8080", f"db.{shop.name}:27017", f"ledger.{shop.name}:5432"
    notes = shop.install(
        {
            "extraArgs": ["--output", "json"],
            "settings": SOON,
            "commonTargets": {"deny": [ledger]},
            "vantages": {
                "frontend": {
                    "podLabels": {"app": "frontend"},
                    "targets": {"allow": ["catalog:8080"], "deny": ["db:27017"]},
                },
                "backend": {"namespace": batch.name, "podLabels": {"app": "backend"}, "targets": {"allow": [db]}},
                "audit": {"namespace": audit.name, "targets": {"allow": [catalog], "deny": [db]}},
            },
            "control": {"enabled": True, "namespace": ops.name, "podLabels": {"role": "control"}},
        }
    )
    assert "NO CONTROL" not in notes

    runs = run_at_once(places)
    for run in runs.values():
        assert run.completed, str(run)
    for name in ("frontend", "audit"):
        for target in ("//db", "//ledger"):
            assert "Only a control or another vantage can show whether it is up" in runs[name].check(target)["meaning"]
    alive = runs["control"].report["checks"]  # every denied target once, whoever denies it
    assert {each["target"] for each in alive} == {f"tcp://{db}", f"tcp://{ledger}"}
    assert {(each["expect"], each["outcome"]) for each in alive} == {("alive", "open")}

    shop.kubectl("scale", "deployment", "ledger", "--replicas=0")
    shop.kubectl("wait", "--for=delete", "pod", "-l", "app=ledger")

    runs = run_at_once(places)
    control = runs.pop("control")
    assert (control.code, control.report["verdict"]) == (3, "inconclusive"), str(control)
    assert "exit code 3" in control.condition["message"]
    (dead,) = (each for each in control.report["checks"] if each["verdict"] != "pass")
    assert dead["target"] == f"tcp://{ledger}"
    check = control.check("//ledger")
    assert "cannot reach it" in check["meaning"]
    for vantage in ("frontend", "backend", "audit"):  # whose denials they are
        assert vantage in check["because"]
    assert "leak" not in control.logs.lower().replace('"leaks": 0', "")
    for run in runs.values():
        assert run.completed, str(run)
        assert run.report["summary"]["leaks"] == 0


def run_at_once(places: dict[str, Space]) -> dict[str, Run]:
    jobs = {name: space.start(f"netproof-{name}") for name, space in places.items()}
    return {name: space.ended(jobs[name]) for name, space in places.items()}
