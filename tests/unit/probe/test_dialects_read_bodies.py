"""Every dialect of health bodies is recognised, and no body can harm."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.checks import BodyReading, HealthState
from monitor.probe.answers import Answer
from monitor.probe.dialects import read_body

H, D, U = HealthState.HEALTHY, HealthState.DEGRADED, HealthState.UNHEALTHY


def read(body: object, content_type: str = "application/json", required: frozenset[str] = frozenset()) -> BodyReading:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = Answer(now=0, took=0.1, status=200, headers={"content-type": content_type}, body=raw)
    return read_body(answer, required=required)


def entry(status: str) -> dict[str, object]:
    return {"status": status, "duration": "00:00:00.1", "data": {}}


@pytest.mark.parametrize(
    ("body", "dialect", "state", "components", "version"),
    [
        (
            {"status": "pass", "version": "1", "releaseId": "1.2.2", "checks": {
                "cassandra:responseTime": [{"componentId": "d", "observedValue": 250, "status": "pass"}],
                "cpu:utilization": [{"status": "pass"}, {"status": "warn", "output": "hot"}]}},
            "health+json", H, {"cassandra:responseTime": H, "cpu:utilization": D}, "1",
        ),
        ({"status": "warn", "releaseId": "7"}, "health+json", D, {}, "7"),
        ({"status": "FAIL"}, "health+json", U, {}, ""),
        (
            {"name": "influxdb", "message": "ready", "status": "pass", "checks": [], "version": "2.7", "commit": "abc"},
            "health+json", H, {}, "2.7",
        ),
        (
            {"status": "UP", "components": {"db": {"status": "UP", "details": {"database": "PostgreSQL"}},
             "redis": {"status": "UP"}}, "groups": ["liveness"]},
            "actuator", H, {"db": H, "redis": H}, "",
        ),
        (
            {"status": "DOWN", "details": {"db": {"status": "DOWN", "details": {"error": "gone"}}}},
            "actuator", U, {"db": U}, "",
        ),
        ({"status": "OUT_OF_SERVICE", "components": {}}, "actuator", D, {}, ""),
        (
            {"status": "UP", "components": {"db": {"status": "UP", "components": {
                "primary": {"status": "UP"}, "replica": {"status": "DOWN"}}}}},
            "actuator", H, {"db": H, "db/primary": H, "db/replica": U}, "",
        ),
        (
            {"name": "svc", "status": "UP", "details": {"jdbc": {"name": "svc", "status": "UP", "details": {}}}},
            "actuator", H, {"jdbc": H}, "",
        ),
        (
            {"status": "Degraded", "totalDuration": "00:00:00.05",
             "entries": {"sql": entry("Healthy"), "queue": entry("Degraded")}},
            "aspnet", D, {"sql": H, "queue": D}, "",
        ),
        ({"status": 0, "totalDuration": "0", "entries": {"sql": {"status": 0}}}, "aspnet", U, {"sql": U}, ""),
        (
            {"status": "DOWN", "checks": [{"name": "db", "status": "DOWN", "data": {"k": "v"}},
                                          {"name": "disk", "status": "UP"}]},
            "microprofile", U, {"db": U, "disk": H}, "",
        ),
        (
            {"status": "error", "info": {}, "error": {"db": {"status": "down"}},
             "details": {"db": {"status": "down", "message": "timeout"}, "web": {"status": "up"}}},
            "terminus", U, {"db": U, "web": H}, "",
        ),
        (
            {"deadlocks": {"healthy": True}, "db": {"healthy": False, "message": "refused"}},
            "dropwizard", U, {"deadlocks": H, "db": U}, "",
        ),
        (
            {"status": "Partially Available", "failures": {"redis": "timeout"}, "component": {"name": "x", "version": "v3"}},
            "hellofresh", D, {"redis": U}, "v3",
        ),
        ({"cluster_name": "es", "status": "yellow", "timed_out": False}, "elasticsearch", D, {}, ""),
        ({"cluster_name": "es", "status": "red"}, "elasticsearch", U, {}, ""),
        ({"health": "true"}, "etcd", H, {}, ""),
        ({"health": "false", "reason": "NOSPACE"}, "etcd", U, {}, ""),
        ({"commit": "abc", "database": "ok", "version": "10.1.0"}, "shape", H, {"database": H}, "10.1.0"),
        (
            {"initialized": True, "sealed": True, "standby": False, "version": "1.15"},
            "vault", U, {"initialized": H, "unsealed": U}, "1.15",
        ),
        ({"initialized": True, "sealed": False, "standby": True}, "vault", H, {"initialized": H, "unsealed": H}, ""),
        ({"status": "failed", "reason": "node down"}, "shape", U, {}, ""),
        (
            {"status": "healthy", "version": "1.2.3", "database": "connected", "cache": "connected"},
            "shape", H, {"database": H, "cache": H}, "1.2.3",
        ),
        (
            {"status": "healthy", "version": "1.2.3", "database": "disconnected", "cache": "connected"},
            "shape", D, {"database": U, "cache": H}, "1.2.3",
        ),
        (
            {"status": "ok", "checks": {"database": {"status": "up"}, "queue": "down"}, "debug": False, "region": "eu"},
            "shape", D, {"database": H, "queue": U}, "",
        ),
        ({"ok": True, "redis": False, "maintenance": False}, "shape", D, {"redis": U}, ""),
        ({"status": "UP", "build": {"version": "4.5"}}, "shape", H, {}, "4.5"),
        ({"status": "UP", "git": {"commit": {"id": "77af"}}}, "shape", H, {}, "77af"),
        ({"status": "NOT_SERVING"}, "shape", U, {}, ""),
    ],
)  # fmt: skip
def test_a_json_body_is_read_in_its_dialect(
    body: object, dialect: str, state: HealthState, components: dict[str, HealthState], version: str
) -> None:
    """Dialect, total, components and version come out as the framework meant them."""
    reading = read(body)
    assert reading.dialect == dialect
    assert {part.name: part.state for part in reading.components} == components
    assert (reading.state, reading.version) == (state, version)
    assert bool(reading.text) is (state is not H)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (b"OK", H),
        (b"Healthy\n", H),
        (b"pong", H),
        (b"Degraded", D),
        (b"Unhealthy", U),
        (b"DOWN", U),
        (b'"UP"', H),
        (b"false", U),
        (b"\xef\xbb\xbfok", H),
    ],
)
def test_a_plain_word_is_understood(text: bytes, state: HealthState) -> None:
    """Short texts are looked up in the word lists."""
    assert read(text, "text/plain").state is state


def test_kubernetes_lines_are_components_and_the_last_line_decides() -> None:
    """`[-]` with a failed total is unhealthy, with a passed total degraded."""
    failed = read(b"[+]ping ok\n[-]etcd failed: reason withheld\nhealthz check failed\n", "text/plain")
    assert (failed.dialect, failed.state) == ("kubernetes", U)
    assert {part.name: part.state for part in failed.components} == {"ping": H, "etcd": U}
    passed = read(b"[+]ping ok\n[+]etcd excluded: ok\nreadyz check passed\n", "text/plain")
    assert passed.state is H


def test_an_unknown_word_or_page_is_healthy_and_says_so() -> None:
    """What is not understood does no harm and is marked."""
    for body in (
        b"Welcome to our site, it is a nice one",
        b'{"hello":"world"}',
        b'{"status":"purple"}',
        b"[1,2]",
        b"{",
    ):
        reading = read(body, "text/plain")
        assert (reading.state, reading.unparsed) == (H, True)
    assert not read(b"<html>hello</html>", "text/html").unparsed


def test_a_required_component_makes_the_whole_unhealthy_in_any_dialect() -> None:
    """Required is stronger than the framework's own total."""
    body = {"status": "UP", "components": {"db": {"status": "DOWN"}}}
    assert read(body).state is H
    assert read(body, required=frozenset({"db"})).state is U


def test_the_sentence_names_the_word_and_the_parts() -> None:
    """People read why, not that."""
    reading = read({"status": "healthy", "database": "disconnected", "cache": "connected"})
    assert reading.text == "body says degraded (database: disconnected)"


HOSTILE = [
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"status":' + b"9" * 100_000 + b"}",
    b'{"status":1e999,"db":NaN}',
    b'{"status":"up","checks":{' + b",".join(b'"c%d":"down"' % n for n in range(5000)) + b"}}",
    b'{"status":"UP","components":' + b'{"x":{"status":"DOWN","components":' * 500 + b"{}" + b"}}" * 500 + b"}",
    b"\xff\xfe\x00\x01" * 1000,
    b'{"status":"\\ud800","\\udfff":"down"}',
    b'{"status":"up","version":"' + b"v" * 100_000 + b'"}',
    b'{"status":{"status":{}},"checks":[[[]],null,{"name":[]}],"entries":5}',
    b'{"status":"ok\\u0000\\u001b[31m","db":"down"}',
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_bodies_are_read_within_bounds(body: bytes) -> None:
    """At most 64 components, short printable names, and no exception."""
    reading = read(body)
    assert len(reading.components) <= 64
    for part in reading.components:
        assert len(part.name) <= 64
        assert part.name.isprintable()
        part.name.encode()
        assert part.text.isprintable()
    assert len(reading.version) <= 64


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["UP", "down", "warn", "1.2"])
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["status", "checks", "components", "details", "entries", "healthy", "db", "error"])
            | st.text(),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(values | st.binary())
def test_no_body_raises(body: object) -> None:
    """Whatever JSON or bytes come, a reading comes out, and the caps hold."""
    reading = read(body)
    assert len(reading.components) <= 64
    assert all(part.name for part in reading.components)


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ({"status": "OK", "timestamp": "x", "failures": {}}, H),
        ({"status": "OK", "timestamp": "x", "system": {"version": "go1.22"}}, H),
        ({"status": "Service Unavailable", "failures": {"database": "timeout"}}, U),
        ({"status": "UP"}, D),
        (b"ok", D),
        ({"status": "DOWN"}, U),
        ({"status": "ok", "database": "postgres 15.2"}, H),
        ({"status": "ok", "checks": {"database": "postgres 15.2"}}, H),
        ({"status": "UP", "components": {**{f"c{n}": {"status": "UP"} for n in range(99)}, "database": "UP"}}, H),
        ({"status": "UP", "components": {**{f"c{n}": {"status": "UP"} for n in range(99)}, "database": "DOWN"}}, U),
    ],
)
def test_a_required_component_is_missed_where_it_could_be_named(body: object, state: HealthState) -> None:
    """Not in a list of failures, not for a word that is not known, and however many others there are."""
    reading = read(body, required=frozenset({"database"}))
    assert reading.state is state
    assert bool(reading.text) == (state is not H)


@pytest.mark.parametrize(
    "body", [{"status": "healthy", "cache": "connected"}, b"Welcome to nginx!", b"\x00\xff garbage", b"", [1, 2]]
)
def test_a_required_component_that_is_not_named_counts_as_down(body: object) -> None:
    """Whoever requires it wants to hear when the answer is another page, or another service."""
    reading = read(body, required=frozenset({"database"}))
    assert reading.state is U
    assert "required component database is not in the answer" in reading.text
