"""Registries by URL: every form of Redis, and one clear line for a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from antiphon_core.errors import BadSettings
from antiphon_core.registry.redis_announcer import RedisAnnouncer
from antiphon_core.registry.redis_fleet import RedisFleet
from antiphon_core.registry.redis_url import Kind, RedisUrl, parse_redis_url, without_secrets
from antiphon_core.registry.urls import announcer_for, fleet_for


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h", RedisUrl(Kind.SINGLE, (("h", 6379),))),
        ("redis://:p%40ss@h:1/2", RedisUrl(Kind.SINGLE, (("h", 1),), password="p@ss", db=2)),
        ("redis://me:pw@[::1]:5?namespace=b", RedisUrl(Kind.SINGLE, (("::1", 5),), "me", "pw", namespace="b")),
        ("rediss://h?ca=/c.pem", RedisUrl(Kind.SINGLE, (("h", 6379),), tls={"ssl_ca_certs": "/c.pem"})),
        (
            "redis+sentinel://:pw@a,b:7/mymaster/3",
            RedisUrl(Kind.SENTINEL, (("a", 26379), ("b", 7)), password="pw", db=3, service="mymaster"),
        ),
        ("rediss+cluster://a:1,b:2", RedisUrl(Kind.CLUSTER, (("a", 1), ("b", 2)), tls={})),
    ],
)
def test_every_form_is_read(url: str, expected: RedisUrl) -> None:
    assert parse_redis_url(url) == expected


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis://", "names no host"),
        ("redis://a,b", "several hosts"),
        ("redis://:1", "no host"),
        ("redis://h:port", "Port could not be cast"),
        ("redis://h/first", "nothing is known of '/first'"),
        ("redis+sentinel://h", "no service"),
        ("redis+cluster://h/1", "nothing is known of '/1'"),
        ("redis://h?namespace=a b", "namespace 'a b'"),
        ("redis://h?ca=/x", "belong to rediss"),
        ("redis://h?db=1", "no option 'db'"),
    ],
)
def test_a_mistake_is_told_with_the_right_form(url: str, why: str) -> None:
    with pytest.raises(BadSettings, match="it is one of redis://") as caught:
        parse_redis_url(url)
    assert why in caught.value.message


def test_an_unknown_kind_of_registry_is_told_with_all_there_are() -> None:
    for made in (fleet_for, announcer_for):
        with pytest.raises(BadSettings, match=r"no registry like 'consul://h'.*static://.*redis\+sentinel"):
            made("consul://h")


def test_a_password_is_never_shown() -> None:
    assert without_secrets("redis://me:secret@h:1/2") == "redis://me:***@h:1/2"
    assert without_secrets("redis+sentinel://:secret@a,b/m") == "redis+sentinel://:***@a,b/m"
    assert without_secrets("static://h:1") == "static://h:1"
    with pytest.raises(BadSettings) as caught:
        parse_redis_url("redis://me:secret@h/x")
    assert "secret" not in caught.value.message
    assert "secret" not in repr(parse_redis_url("redis://me:secret@h"))


def test_a_redis_url_gives_both_sides() -> None:
    assert isinstance(fleet_for("redis://h"), RedisFleet)
    assert isinstance(announcer_for("redis+cluster://h"), RedisAnnouncer)


def test_a_file_for_tls_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"no file .*ca\.pem"):
        fleet_for(f"rediss://h?ca={tmp_path}/ca.pem")
