"""How a scraped series is called once it is stored."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from monitor.matching.relabel import Relabeling, RelabelRule
from monitor.model.errors import PeerError
from monitor.model.labels import Labels
from monitor.scrape.admission import ScrapeLimitError, admission
from monitor.scrape.exposition.negotiation import Format, accept, choose_format
from monitor.scrape.jobs import Limits, ScrapeJob

TARGET = Labels({"job": "ours", "instance": "a:1"})


def admit(scraped: Mapping[str, str], job: ScrapeJob) -> Labels | None:
    return admission(job, TARGET)({"__name__": "m", **scraped})


def test_our_labels_win_and_the_targets_are_exported() -> None:
    """The target's own label moves to exported_…, and once more if that is taken."""
    job = ScrapeJob(name="j")
    assert admit({"job": "theirs"}, job) == Labels(
        {"__name__": "m", "job": "ours", "instance": "a:1", "exported_job": "theirs"}
    )
    both = admit({"job": "theirs", "exported_job": "other"}, job)
    assert both is not None
    assert (both["exported_job"], both["exported_exported_job"]) == ("other", "theirs")


def test_with_honor_labels_the_targets_labels_win() -> None:
    """Ours only fill in what it does not say."""
    job = ScrapeJob(name="j", honor_labels=True)
    assert admit({"job": "theirs"}, job) == Labels({"__name__": "m", "job": "theirs", "instance": "a:1"})


def test_honored_empty_labels_keep_ours_away() -> None:
    """`job=""` says: no job."""
    assert admit({"job": ""}, ScrapeJob(name="j", honor_labels=True)) == Labels({"__name__": "m", "instance": "a:1"})


def test_metric_relabelling_sees_our_labels_and_may_drop_the_series() -> None:
    """Dropped is None; a series without a name is an error."""
    drop = Relabeling([RelabelRule(source_labels=("job", "__name__"), regex="ours;m", action="drop")])
    assert admit({}, ScrapeJob(name="j", metric_relabel=drop)) is None
    unname = Relabeling([RelabelRule(regex="__name__", action="labeldrop")])
    with pytest.raises(PeerError, match="missing metric name"):
        admit({}, ScrapeJob(name="j", metric_relabel=unname))


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(labels=3), r'label_limit exceeded \(metric: "m", number of labels: 4, limit: 3\)'),
        (Limits(label_name_length=8), "label_name_length_limit exceeded .* length: 9, limit: 8"),
        (Limits(label_value_length=5), 'label_value_length_limit exceeded .* value: "longer", length: 6, limit: 5'),
    ],
)
def test_each_label_limit_names_what_is_beyond_it(limits: Limits, words: str) -> None:
    """In Prometheus's words."""
    with pytest.raises(ScrapeLimitError, match=words):
        admit({"long_name": "longer"}, ScrapeJob(name="j", limits=limits))


@pytest.mark.parametrize(
    ("content_type", "fallback", "words"),
    [
        (None, None, "sending blank Content-Type"),
        ("text/html", None, 'unsupported Content-Type "text/html"'),
        ("application/vnd.google.protobuf; proto=x", Format.TEXT, "protocol buffers, which were not asked for"),
    ],
)
def test_an_answer_of_another_format_fails_clearly(
    content_type: str | None, fallback: Format | None, words: str
) -> None:
    """It is never guessed at."""
    with pytest.raises(PeerError, match=words):
        choose_format(content_type, fallback)


@pytest.mark.parametrize(
    ("content_type", "fallback"),
    [("text/plain", None), ("Text/Plain; version=0.0.4; charset=utf-8", None), ("", Format.TEXT), ("x/y", Format.TEXT)],
)
def test_the_text_format_is_known_in_all_its_spellings(content_type: str, fallback: Format | None) -> None:
    """And a fallback stands in for what is blank or unknown."""
    assert choose_format(content_type, fallback) is Format.TEXT


@pytest.mark.parametrize(
    ("protocols", "escaping", "header"),
    [
        (
            (),
            "",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
            "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        ),
        (("PrometheusText0.0.4", "PrometheusProto"), "dots", "text/plain;version=0.0.4;q=0.6,*/*;q=0.5"),
        (
            ("PrometheusText1.0.0", "OpenMetricsText0.0.1"),
            "underscores",
            "text/plain;version=1.0.0;escaping=underscores;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,*/*;q=0.4",
        ),
    ],
)
def test_formats_are_asked_for_in_the_jobs_order(protocols: tuple[str, ...], escaping: str, header: str) -> None:
    """Those that we read, each worth less than the one before it."""
    assert accept(protocols, escaping) == header
