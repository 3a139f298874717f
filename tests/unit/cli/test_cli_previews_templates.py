"""`watchkeeper template render`: what a template gives, before anybody is paged with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.cli.verbs import command_line
from tests.support.template_corpus import FOLDER


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = command_line(["template", "render", *arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_text_over_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    """Without data there is an alert of every kind; nothing is added to the text."""
    assert shown(capsys, "--text", "{{ len .Alerts.Firing }} of {{ len .Alerts }}") == (0, "1 of 2", "")


def test_named_templates_of_files_and_the_shipped_ones(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Later definitions replace earlier ones."""
    (tmp_path / "a.tmpl").write_text(
        '{{ define "mine" }}{{ .Status | toUpper }}{{ end }}{{ define "__subject" }}S{{ end }}'
    )
    text = '{{ template "mine" . }} {{ template "slack.default.title" . }}'
    assert shown(capsys, "--template.glob", f"{tmp_path}/*.tmpl", "--template.text", text)[:2] == (0, "FIRING S")


def test_html_over_given_data(capsys: pytest.CaptureFixture[str]) -> None:
    """As mails are written."""
    code, out, _ = shown(
        capsys,
        "--template.data",
        str(FOLDER / "two.json"),
        "--template.type",
        "html",
        "--template.text",
        "<b>{{ (index .Alerts 0).Annotations.summary }}</b>",
    )
    assert (code, out) == (0, "<b>CPU &lt;b&gt;hot&lt;/b&gt; &amp; &#34;bad&#34; on host-1</b>")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--text", "{{ .Nope }}"], "template: :1:3: executing"),
        (["--text", "x", "--glob", "/nowhere/*.tmpl"], "no file matches /nowhere/*.tmpl"),
        (["--text", "x", "--data", "/nowhere.json"], "/nowhere.json cannot be read"),
        (["--text", '<a href="', "--type", "html"], "ends in a non-text context"),
    ],
)
def test_mistake_is_told(capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str) -> None:
    """Exit code 1, nothing on standard output."""
    code, out, err = shown(capsys, *arguments)
    assert (code, out) == (1, "")
    assert complaint in err.replace("\n", " ")
