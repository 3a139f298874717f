"""Texts of Prometheus's API: numbers, times, durations, names."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from monitor.model.labels import Labels
from monitor.web.answers import BadCallError
from monitor.web.prometheus.parameters import (
    EARLIEST,
    LATEST,
    duration_of,
    parse_error_text,
    time_of,
    unescaped_name,
)
from monitor.web.prometheus.rendering import exponent_text, labels_text, notes, seconds_text, time_text, value_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (0.1, "0.1"),
        (-2.5, "-2.5"),
        (1e6, "1000000"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (0.00001, "0.00001"),
        (1e-6, "0.000001"),
        (1e-7, "1e-07"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_values_are_written_as_prometheus_does(value: float, text: str) -> None:
    """Go's shortest form; an exponent only far from one."""
    assert value_text(value) == text


@given(some.floats(allow_nan=False, allow_infinity=False))
def test_a_written_value_is_read_back_the_same(value: float) -> None:
    """No digit is lost in either form."""
    assert float(value_text(value)) == value
    assert float(exponent_text(value)) == value
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        assert "e" not in value_text(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1e+00"), (0.0, "0e+00"), (0.05, "5e-02"), (1234.5, "1.2345e+03"), (-1e100, "-1e+100"), (math.nan, "NaN")],
)
def test_values_of_alerts_have_an_exponent(value: float, text: str) -> None:
    """Go's FormatFloat(v, 'e', -1, 64)."""
    assert exponent_text(value) == text


@pytest.mark.parametrize(
    ("at", "text"), [(0, "0"), (4000, "4"), (1500, "1.500"), (7, "0.007"), (-1, "-0.001"), (-61_050, "-61.050")]
)
def test_instants_are_seconds_with_three_decimals_or_none(at: int, text: str) -> None:
    """Also before 1970."""
    assert seconds_text(at) == text


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (None, "0001-01-01T00:00:00Z"),
        (0, "1970-01-01T00:00:00Z"),
        (1_500, "1970-01-01T00:00:01.5Z"),
        (1_020, "1970-01-01T00:00:01.02Z"),
    ],
)
def test_times_have_no_needless_zeros(at: int | None, text: str) -> None:
    """Go's RFC3339Nano."""
    assert time_text(at) == text


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("4", 4_000),
        ("1700000000.123", 1_700_000_000_123),
        ("1.7e9", 1_700_000_000_000),
        ("-1", -1_000),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:00.123456789Z", 123),
        ("-292273086-05-16T16:47:06Z", EARLIEST),
        ("292277025-08-18T07:12:54.999999999Z", LATEST),
        ("1e300", LATEST),
        ("-Inf", EARLIEST),
    ],
)
def test_times_are_seconds_or_rfc3339(text: str, at: int) -> None:
    """Those beyond all samples are cut to something that every computation can hold."""
    assert time_of({"time": text}, "time") == at


@pytest.mark.parametrize("text", ["", "soon", "NaN", "2026-01-01", "2026-01-01T00:00:00", "0x10", "1_0"])
def test_other_times_are_refused(text: str) -> None:
    """With Prometheus's words."""
    with pytest.raises(BadCallError, match=r'invalid parameter "time": cannot parse ".*" to a valid timestamp'):
        time_of({"time": text}, "time")


@pytest.mark.parametrize(("text", "span"), [("15", 15_000), ("0.25", 250), ("5m", 300_000), ("1m0s", 60_000)])
def test_durations_are_seconds_or_units(text: str, span: int) -> None:
    """Grafana sends Go's `1m0s` too."""
    assert duration_of({"step": text}, "step") == span


@pytest.mark.parametrize("text", ["", "x", "NaN", "5 m", "1e300"])
def test_other_durations_are_refused(text: str) -> None:
    """With Prometheus's words."""
    with pytest.raises(BadCallError, match="to a valid duration"):
        duration_of({"step": text}, "step")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("job", "job"),
        ("U__http_2e_path", "http.path"),
        ("U__a__b", "a_b"),
        ("U___1F600_", "\U0001f600"),
        ("U__bad_escape", "U__bad_escape"),
        ("U__x_FFFFFF_", "U__x_FFFFFF_"),
    ],
)
def test_names_are_unescaped(name: str, plain: str) -> None:
    """What is escaped badly is itself."""
    assert unescaped_name(name) == plain


def test_places_of_parse_errors_count_lines_and_bytes() -> None:
    """From one."""
    assert parse_error_text("a\nbö +", "why", 6) == "2:5: parse error: why"
    assert parse_error_text("", "why", 0) == "unknown position: parse error: why"


@given(
    some.dictionaries(
        some.text(some.characters(exclude_categories=["Cs"])), some.text(some.characters(exclude_categories=["Cs"]))
    )
)
def test_label_sets_are_json(labels: dict[str, str]) -> None:
    """Whatever stands in them."""
    made = Labels(labels)
    assert json.loads(labels_text(made)) == dict(made)


def test_of_many_notes_ten_are_told() -> None:
    """And how many there are beside them."""
    few, many = [f"w{number}" for number in range(10)], [f"i{number}" for number in range(13)]
    told = json.loads("{" + notes(few, many).removeprefix(",") + "}")
    assert told == {"warnings": few, "infos": [*many[:10], "3 more info annotations omitted"]}
    assert notes(()) == ""
