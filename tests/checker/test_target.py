"""Targets: one text for all spellings, and one identity for all names of a place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.probes import KINDS
from checker.target import LONGEST, TargetError, identity, parse

DB = "tcp://db.shop.svc.cluster.local:5432"


def known_as(text: str, namespace: str | None = "shop", domain: str = "cluster.local") -> str:
    return str(identity(parse(text), namespace, domain))


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("DB:5432", "tcp://db:5432"),
        ("tcp://db.shop.:5432", "tcp://db.shop.:5432"),
        ("https://API", "https://api:443"),
        ("https://api:443/", "https://api:443"),
        ("http://api?x=1", "http://api:80/?x=1"),
        ("[2001:DB8:0::1]:80", "tcp://[2001:db8::1]:80"),
        ("[::ffff:10.0.0.1]:80", "tcp://10.0.0.1:80"),
        ("[::ffff:a00:1]:80", "tcp://10.0.0.1:80"),
        ("dns://Kubernetes.default", "dns://kubernetes.default"),
        ("dns://a@ns", "dns://a@ns:53"),
        ("dns://a@[::1]:5353", "dns://a@[::1]:5353"),
    ],
)
def test_every_spelling_has_one_text(text: str, normal: str) -> None:
    assert str(parse(text)) == normal
    assert parse(normal) == parse(text)


@given(st.from_regex(r"((tcp|udp|https?|dns)://)?[a-z0-9.\[\]:@/?_-]{1,30}(:[0-9]{1,5})?(/x)?", fullmatch=True))
def test_the_text_of_a_target_is_that_target(text: str) -> None:
    try:
        target = parse(text)
    except TargetError:
        return
    assert parse(str(target)) == target


@pytest.mark.parametrize("target", ["0.0.0.0:80", "[::]:80", "[::ffff:0.0.0.0]:80", "http://0.0.0.0"])
def test_an_unspecified_address_is_this_machine_itself(target: str) -> None:
    with pytest.raises(TargetError, match="is not the address of another machine"):
        parse(target)


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_has_a_bounded_length(kind: str) -> None:
    with pytest.raises(TargetError, match="is longer than 2,000 characters"):
        parse(f"{kind}://{'a' * LONGEST}")


@pytest.mark.parametrize("host", ["db", "DB", "db.shop", "db.shop.svc", "db.shop.svc.cluster.local"])
def test_every_name_of_a_service_is_one_place(host: str) -> None:
    assert known_as(f"{host}:5432") == DB


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("db.shop.svc.cluster.local.:5432", DB),
        ("https://db:5432/orders?all", DB),
        ("http://db.shop:5432", DB),
        ("udp://db:5432", "udp://db.shop.svc.cluster.local:5432"),
        ("mongo-0.mongo.shop.svc:1", "tcp://mongo-0.mongo.shop.svc.cluster.local:1"),
        ("api.example.com:443", "tcp://api.example.com:443"),
        ("https://api.example.com.", "tcp://api.example.com:443"),
        ("db.shop.:5432", "tcp://db.shop:5432"),  # the last dot ends the search domains
        ("10.0.0.1:80", "tcp://10.0.0.1:80"),
        ("[::ffff:10.0.0.1]:80", "tcp://10.0.0.1:80"),
        ("[2001:db8::1]:80", "tcp://[2001:db8::1]:80"),
        ("dns://db@kube-dns.kube-system", "dns://db@kube-dns.kube-system.svc.cluster.local:53"),
        ("dns://db", "dns://db"),
    ],
)
def test_the_place_that_a_target_leads_to(text: str, place: str) -> None:
    assert known_as(text) == place


def test_a_short_name_is_another_place_in_another_namespace() -> None:
    assert known_as("db:5432") != known_as("db:5432", "billing")
    assert known_as("db.shop:5432") == known_as("db.shop:5432", "billing")


def test_a_short_name_without_a_namespace_stays_as_it_is() -> None:
    assert known_as("db:5432", None) == "tcp://db:5432"
    assert known_as("db.shop:5432", None) == DB


@pytest.mark.parametrize("domain", ["k8s.example", "K8s.Example."])
def test_another_cluster_domain(domain: str) -> None:
    full = "tcp://db.shop.svc.k8s.example:1"
    assert {known_as(f"{host}:1", domain=domain) for host in ("db", "db.shop.svc", "db.shop.svc.k8s.example")} == {full}
    assert known_as("db.shop.svc.cluster.local:1", domain=domain) == "tcp://db.shop.svc.cluster.local:1"
