"""Each function on small series whose results can be worked out by hand."""

from __future__ import annotations

import math

import pytest

from monitor.model.errors import EvaluationError
from monitor.promql.numbers import parse_float
from tests.support.queries import answer, ask

_NAN = math.nan


@pytest.mark.parametrize(
    ("text", "series", "value"),
    [
        # ten samples, one a minute, at 9m; [5m] holds the last five
        ("rate(x_total[5m])", "x_total 0+60x9", 1.0),
        ("increase(x_total[5m])", "x_total 0+60x9", 300.0),
        ("increase(x_total[5m])", "x_total _x5 100 110 5 15 25", 43.75),
        ("increase(x_total[10m])", "x_total _x7 1 3 5", 5.0),
        ("delta(x[5m])", "x 50-5x9", -25.0),
        ("idelta(x[5m])", "x 0+1x7 3 9", 6.0),
        ("irate(x_total[5m])", "x_total 0+1x7 3 9", 0.1),
        ("irate(x_total[5m])", "x_total 0+1x7 9 3", 0.05),
        ("changes(x[5m])", "x 0 0 0 0 0 1 1 2 NaN NaN", 2.0),
        ("resets(x[5m])", "x 9 9 9 9 9 3 5 4 6 1", 2.0),
        ("deriv(x[5m])", "x 0+6x9", 0.1),
        ("predict_linear(x[5m], 600)", "x 0+6x9", 114.0),
        ("predict_linear(x[5m], 600)", "x 7x9", 7.0),
        ("double_exponential_smoothing(x[3m], 0.5, 0.5)", "x 0x6 1 2 4", 3.5),
        ("sum_over_time(x[5m])", "x 0+1x9", 35.0),
        ("sum_over_time(x[5m])", "x _x5 1e100 1 -1e100 0.1 0.2", 1.3),
        ("avg_over_time(x[5m])", "x 0+1x9", 7.0),
        ("avg_over_time(x[2m])", "x _x8 1.5e308 1.5e308", 1.5e308),
        ("min_over_time(x[5m])", "x _x5 5 NaN 3 4 9", 3.0),
        ("max_over_time(x[5m])", "x _x5 5 NaN 3 4 9", 9.0),
        ("max_over_time(x[2m])", "x _x8 NaN NaN", _NAN),
        ("count_over_time(x[5m])", "x _x7 5 _ 9", 2.0),
        ("present_over_time(x[5m])", "x _x7 5 _ 9", 1.0),
        ("stddev_over_time(x[5m])", "x _x5 2 4 4 4 6", 1.264911064),
        ("stdvar_over_time(x[5m])", "x _x5 2 4 4 4 6", 1.6),
        ("quantile_over_time(0.75, x[5m])", "x _x5 5 1 4 2 3", 4.0),
        ("quantile_over_time(2, x[5m])", "x 1x9", math.inf),
        ("mad_over_time(x[5m])", "x _x5 4 6 2 1 4", 2.0),
        ("last_over_time(x[5m])", "x 0+1x9", 9.0),
        ("first_over_time(x[5m])", "x 0+1x9", 5.0),
        ("ts_of_last_over_time(x[5m])", "x 0+1x9", 540.0),
        ("ts_of_first_over_time(x[5m])", "x 0+1x9", 300.0),
        ("ts_of_max_over_time(x[5m])", "x _x5 1 7 7 2 3", 420.0),
        ("ts_of_min_over_time(x[5m])", "x _x5 1 7 7 1 3", 480.0),
    ],
)
@pytest.mark.parametrize("gappy", [False, True], ids=["dense", "gappy"])
def test_range_functions(text: str, series: str, value: float, gappy: bool) -> None:
    """The function of one series' window, with or without gaps in the frame."""
    found = ask(text, [series, "other 1 _ 1"], at="9m", gappy=gappy)
    assert isinstance(found, dict)
    assert list(found.values()) == [pytest.approx(value, nan_ok=True)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("abs(vector(-3))", 3),
        ("ceil(vector(1.2))", 2),
        ("floor(vector(-1.2))", -2),
        ("exp(vector(1))", math.e),
        ("ln(vector(0))", -math.inf),
        ("log2(vector(8))", 3),
        ("log10(vector(-1))", _NAN),
        ("sqrt(vector(-1))", _NAN),
        ("sgn(vector(-0.1))", -1),
        ("round(vector(2.5))", 3),
        ("round(vector(-2.5))", -2),
        ("round(vector(1.26), 0.1)", 1.3),
        ("clamp(vector(5), 1, 3)", 3),
        ("clamp_min(vector(5), 7)", 7),
        ("clamp_max(vector(5), NaN)", _NAN),
        ("deg(vector(pi()))", 180),
        ("rad(vector(180))", math.pi),
        ("sin(vector(0))", 0),
        ("cosh(vector(0))", 1),
        ("atanh(vector(1))", math.inf),
        ("vector(7) % -4", 3),
        ("vector(-7) % 4", -3),
        ("vector(1) atan2 0", math.pi / 2),
        ("vector(2) ^ 0.5", math.sqrt(2)),
        ("vector(1) / 0", math.inf),
        ("vector(0) / 0", _NAN),
        ("vector(scalar(vector(3)))", 3),
        ("vector(scalar(nothing))", _NAN),
        ("vector(time())", 600),
        ("year(vector(951782400))", 2000),
        ("month(vector(951782400))", 2),
        ("day_of_month(vector(951782400))", 29),
        ("day_of_week(vector(951782400))", 2),
        ("day_of_year(vector(951868800))", 61),
        ("days_in_month(vector(951782400))", 29),
        ("hour(vector(-1))", 23),
        ("minute()", 10),
        ("year(vector(-1))", 1969),
        ("vector(max_of(2, 3) - min_of(2, 3))", 1),
    ],
)
def test_functions_of_one_number(text: str, value: float) -> None:
    """IEEE arithmetic, Go's remainder, UTC dates."""
    assert ask(text) == {"{}": pytest.approx(value, nan_ok=True)}


def test_clamp_with_crossed_bounds_is_empty() -> None:
    """No value lies between 3 and 1."""
    assert ask("clamp(vector(5), 3, 1)") == {}


def test_timestamp_is_the_samples_own_time() -> None:
    """Of a plain selector; of anything else it is the evaluation time."""
    assert ask("timestamp(x)", ["x 5 5"], at="3m") == {"{}": 60}
    assert ask("timestamp(x + 0)", ["x 5 5"], at="3m") == {"{}": 180}


def test_absent_tells_what_it_knows_of_the_missing() -> None:
    """Labels compared for equality, each once."""
    assert ask("absent(x{a='1', b=~'2', c='3', c='4'})") == {'{a="1"}': 1}
    assert ask("absent(x)", ["x 1"], at="0s") == {}
    assert ask("absent(sum(x{a='1'}))") == {"{}": 1}
    assert ask("absent_over_time(x{a='1'}[5m])", ["x 1"], at="1m") == {'{a="1"}': 1}
    assert ask("absent_over_time(x[5m])", ["x 1"], at="1m") == {}


def test_label_replace_uses_anchored_expressions_and_go_references() -> None:
    """A match sets the label, an empty result removes it, no match changes nothing."""
    lines = ['x{a="web-1", b="q"} 1', 'x{a="db"} 2']
    assert ask("label_replace(x, 'b', '$2/${1}', 'a', '(web)-(.)')", lines, "0s") == {
        'x{a="web-1", b="1/web"}': 1,
        'x{a="db"}': 2,
    }
    assert ask("label_replace(x{a='web-1'}, 'b', '', 'a', '.*')", lines, "0s") == {'x{a="web-1"}': 1}
    with pytest.raises(EvaluationError, match="same labelset"):
        ask("label_replace(x, 'a', 'same', 'a', '.*')", ['x{a="1"} 1', 'x{a="2"} 1'], "0s")
    with pytest.raises(EvaluationError, match="invalid regular expression"):
        ask("label_replace(x, 'a', '', 'a', '(')", lines, "0s")


def test_label_join_joins_in_the_given_order() -> None:
    """A missing label is the empty text."""
    found = ask("label_join(x, 'j', '-', 'b', 'none', 'a')", ['x{a="1", b="2"} 1'], "0s")
    assert found == {'x{a="1", b="2", j="2--1"}': 1}


def _order(text: str, lines: list[str]) -> list[str]:
    """The values of label a, in the answer's order."""
    value = answer(text, lines, at="0s").value
    assert isinstance(value, tuple)
    return [one.labels["a"] for one in value]


def test_sorting_orders_instant_answers() -> None:
    """By value with NaN last, or by labels in natural order."""
    lines = ['x{a="n10"} 2', 'x{a="n9"} NaN', 'x{a="n1"} 3']
    assert _order("sort(x)", lines) == ["n10", "n1", "n9"]
    assert _order("sort_desc(x)", lines) == ["n1", "n10", "n9"]
    assert _order("sort_by_label(x, 'a')", lines) == ["n1", "n9", "n10"]


_BUCKETS = ['h_bucket{le="0.1"} 10', 'h_bucket{le="0.5"} 30', 'h_bucket{le="1"} 40', 'h_bucket{le="+Inf"} 50']


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("histogram_quantile(0.1, h_bucket)", 0.05),
        ("histogram_quantile(0.4, h_bucket)", 0.3),
        ("histogram_quantile(0.99, h_bucket)", 1),
        ("histogram_quantile(-1, h_bucket)", -math.inf),
        ("histogram_quantile(2, h_bucket)", math.inf),
        ("histogram_quantile(NaN, h_bucket)", _NAN),
        ("histogram_quantile(0.5, h_bucket{le!='+Inf'})", _NAN),
        ("histogram_quantile(0.5, h_bucket * 0)", _NAN),
        ("histogram_fraction(0.1, 0.5, h_bucket)", 0.4),
        ("histogram_fraction(0, 0.3, h_bucket)", 0.4),
        ("histogram_fraction(2, 1, h_bucket)", 0),
    ],
)
def test_classic_histograms_are_interpolated(text: str, value: float) -> None:
    """Linear within a bucket, from zero in the first."""
    assert ask(text, _BUCKETS, "0s") == {"{}": pytest.approx(value, nan_ok=True)}


def test_falling_buckets_are_repaired_and_told() -> None:
    """Counts that fall with rising bounds are forced up, with an info."""
    lines = ['h_bucket{le="1"} 10', 'h_bucket{le="2"} 8', 'h_bucket{le="+Inf"} 10']
    found = answer("histogram_quantile(0.5, h_bucket)", lines, at="0s")
    assert any("fixed for monotonicity" in text and text.endswith("(1:25)") for text in found.infos)
    bad = answer("histogram_quantile(0.5, h_bucket)", ['h_bucket{le="x"} 1'], at="0s")
    assert bad.value == ()
    assert bad.warnings == (
        'PromQL warning: bucket label "le" is missing or has a malformed value of "x" for metric name "h_bucket" (1:25)',
    )


def test_rates_of_what_has_no_counters_name_are_doubted() -> None:
    """An info with the place of the argument."""
    found = answer("sum(rate(temperature[5m]))", ["temperature 0+1x10"])
    assert found.infos == (
        "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "
        '"temperature" (1:10)',
    )
    assert answer("rate(x_total[5m])", ["x_total 0+1x10"]).annotations == ()


def test_smoothing_factors_must_lie_between_zero_and_one() -> None:
    """Else the evaluation fails."""
    wanted = r"^invalid smoothing factor. Expected: 0 < sf < 1, got: 1.000000$"
    with pytest.raises(EvaluationError, match=wanted):
        ask("double_exponential_smoothing(x[5m], 1, 0.5)", ["x 0+1x10"])
    with pytest.raises(EvaluationError, match=r"^invalid trend factor. Expected: 0 < tf < 1, got: -Inf$"):
        ask("double_exponential_smoothing(x[5m], 0.5, -Inf)", ["x 0+1x10"])


def test_a_smoothing_factor_that_is_no_number_makes_all_of_it_none() -> None:
    """It is neither too small nor too large."""
    found = ask("double_exponential_smoothing(x[5m], NaN, 0.5)", ["x 0+1x10"])
    assert isinstance(found, dict)
    assert [math.isnan(value) for value in found.values()] == [True]


def test_several_quantiles_become_one_label() -> None:
    """Each quantile of each histogram; a label of that name must not be there."""
    assert ask("histogram_quantiles(h_bucket, 'q', 0.1, 0.4, 1)", _BUCKETS, "0s") == {
        '{q="0.1"}': 0.05,
        '{q="0.4"}': 0.3,
        '{q="1.0"}': 1,
    }
    with pytest.raises(EvaluationError, match="is there already"):
        ask("histogram_quantiles(h_bucket, 'a', 0.1)", ['h_bucket{a="1", le="+Inf"} 1'], "0s")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1_0", 10.0),
        ("1e5_0", 1e50),
        ("0x_1p1", 2.0),
        ("0X1.8P-1", 0.75),
        ("0x.8p0", 0.5),
        ("infinity", math.inf),
        ("-Inf", -math.inf),
        *(
            (text, None)
            for text in ("0x1", "0xp1", "0b1", "_1", "1_", "1__0", "1_e5", "1._5", " 1", "1 ", "", ".", "+nan")
        ),
        *((text, None) for text in ("1e400", "0x1p5000", "\u0663", "0x.p1")),
    ],
)
def test_floats_are_read_as_go_reads_them(text: str, value: float | None) -> None:
    """With all that its syntax allows, and nothing else; what is too large is none."""
    if value is None:
        with pytest.raises(ValueError, match="parsing"):
            parse_float(text)
    else:
        assert parse_float(text) == value
