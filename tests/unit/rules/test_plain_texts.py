"""Texts of labels and the value alone are put together from parts, and are what walking the template gives."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.gotemplate.executor import DEFAULT_LIMITS
from monitor.model.labels import Labels
from monitor.rules.texts import AlertData, Text, World, compile_text

_PIECES = st.sampled_from(
    [
        "{{ $value }}",
        "{{ .Value }}",
        "{{ $.Value }}",
        "{{ $labels.job }}",
        "{{ .Labels.instance }}",
        "{{ $.Labels.nope }}",
        "{{- $labels.__name__ -}}",
        "{{/* nothing */}}",
        " is down: ",
        "100 %",
        "}} \\n é",
    ]
)
_WORLD = World(external_labels=Labels({"job": "outer"}), external_url="http://w")


def _walked(text: Text, data: AlertData) -> str:
    return replace(text, parts=None).render(data, {})


@given(
    st.lists(_PIECES, min_size=1, max_size=6),
    st.floats(),
    st.dictionaries(st.sampled_from(["job", "instance", "__name__", "le"]), st.text(max_size=5)),
)
def test_parts_give_what_the_walk_gives(pieces: list[str], value: float, labels: dict[str, str]) -> None:
    """Any mixture of text, labels and the value, for any element."""
    text = compile_text("A", "".join(pieces))
    data = AlertData(labels=Labels(labels), value=value, world=_WORLD)
    assert text.compiled is None or text.parts is not None
    assert text.render(data, {}) == _walked(text, data)


@pytest.mark.parametrize(
    "source",
    [
        "{{ $value | humanize }}",
        "{{ $labels }}",
        "{{ . }}",
        "{{ $externalLabels.job }}",
        "{{ externalURL }}",
        "{{ if $value }}a{{ end }}",
        "{{ $value.x }}",
        "{{ $labels.job.x }}",
        '{{ define "x" }}a{{ end }}{{ template "x" }}',
        '{{ $labels := "mine" }}{{ $labels }}',
        "{{ $value := 3 }}{{ $value }}",
        "{{ $x := $value }}{{ $x }}",
        "{{ $labels = .ExternalLabels }}{{ $labels.job }}",
        '{{ printf "%v" $value }}',
        '{{ "text" }}',
    ],
)
def test_everything_else_is_walked(source: str) -> None:
    """Functions, blocks, other variables, and names that a text gives another meaning."""
    assert compile_text("A", source).parts is None


def test_a_text_that_becomes_too_long_is_refused_as_ever() -> None:
    """The bound on a template's output holds."""
    text = compile_text("A", "{{ $labels.a }}")
    data = AlertData(labels=Labels({"a": "x" * (DEFAULT_LIMITS.output + 1)}), value=1, world=_WORLD)
    assert text.render(data, {}) == _walked(text, data)
    assert text.render(data, {}).startswith("<error expanding template")
