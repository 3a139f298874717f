"""What is wrong with a file is also said as go-yaml and Go's own types say it, so that users find the words they know."""

from __future__ import annotations

import pytest

from monitor.config.alertmanager_file import read_alertmanager
from monitor.config.findings import Findings
from monitor.config.golang.spans import format_go_duration, parse_go_duration
from monitor.config.prometheus.file import read_prometheus
from monitor.config.yamltree import natural, read
from monitor.model.errors import ConfigError
from tests.support.worded_mistakes import BROKEN_YAML, MISFITS, SPANS_TAKEN


@pytest.mark.parametrize(("text", "words"), BROKEN_YAML)
def test_broken_yaml_is_told_as_go_yaml_tells_it(text: str, words: str) -> None:
    """Its lines begin at 0, which nobody would guess: our own text counts as editors do."""
    with pytest.raises(ConfigError) as caught:
        read(text, "f.yml")
    (finding,) = caught.value.findings
    assert finding.original == words
    assert finding.problem.startswith(f"yaml: line {finding.line}: ")


@pytest.mark.parametrize(("text", "words"), MISFITS)
def test_values_that_do_not_fit_are_told_in_the_words_of_their_types(text: str, words: str) -> None:
    """Durations of Go, secrets, numbers of a certain width, expressions without the anchors of a second wrapping."""
    document, findings = read(text, "am.yml"), Findings()
    read_alertmanager(document, document.tree, (), findings, lambda name: name)
    first = findings.errors[0]
    assert words in (first.original or first.problem)


@pytest.mark.parametrize("span", SPANS_TAKEN)
def test_durations_of_go_are_taken(span: str) -> None:
    """Fractions and signs, which Prometheus's durations do not have."""
    text = f"route: {{receiver: r}}\nreceivers: [{{name: r, pushover_configs: [{{user_key: x, token: x, retry: {span}}}]}}]"
    document, findings = read(text, "am.yml"), Findings()
    read_alertmanager(document, document.tree, (), findings, lambda name: name)
    assert not findings.errors


@pytest.mark.parametrize(
    ("text", "span", "shown"),
    [("1m", 60_000, "1m0s"), ("1.5h", 5_400_000, "1h30m0s"), ("1h2m3.004s", 3_723_004, "1h2m3.004s"), ("0", 0, "0s")],
)
def test_durations_of_go_are_read_and_shown(text: str, span: int, shown: str) -> None:
    """As Go prints them, every smaller unit in place."""
    assert parse_go_duration(text) == span
    assert format_go_duration(span) == shown


@pytest.mark.parametrize(
    ("text", "found"), [("30s", None), ("5", None), ("1d", "cannot unmarshal !!str `1d` into time.Duration")]
)
def test_a_plain_duration_of_go_takes_nanoseconds_and_no_days(text: str, found: str | None) -> None:
    """`timeout` of several receivers is a plain one."""
    whole = (
        f"route: {{receiver: r}}\nreceivers: [{{name: r, webhook_configs: [{{url: 'http://h/', timeout: {text}}}]}}]"
    )
    document, findings = read(whole, "am.yml"), Findings()
    read_alertmanager(document, document.tree, (), findings, lambda name: name)
    if found is None:
        assert not findings.errors
    else:
        assert findings.errors[0].original == f"yaml: unmarshal errors:\n  line 2: {found}"


def test_whole_numbers_wider_than_a_word_are_fractions() -> None:
    """To go-yaml they are float64, which an unsigned field takes when it is its very end."""
    assert natural(read("a: 18446744073709551616", "f").tree) == {"a": float(1 << 64)}
    assert natural(read("a: 18446744073709551615", "f").tree) == {"a": (1 << 64) - 1}
    assert natural(read("a: -9223372036854775809", "f").tree) == {"a": float(-(1 << 63))}


def test_source_labels_are_label_names() -> None:
    """A single one is no list."""
    text = "scrape_configs: [{job_name: j, relabel_configs: [{source_labels: a, target_label: b}]}]"
    document, findings = read(text, "p.yml"), Findings()
    read_prometheus(document, document.tree, (), findings, lambda name: name, {})
    (error,) = findings.errors
    assert error.original == "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `a` into model.LabelNames"
