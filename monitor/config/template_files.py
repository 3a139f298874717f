"""Files with notification templates: the shipped ones, and those that an Alertmanager configuration names by patterns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from monitor.alerts.templating.checking import TemplateChecks, dangling
from monitor.alerts.templating.renderer import empty_set
from monitor.config.findings import Findings
from monitor.config.opening import unreadable
from monitor.config.yamltree import Document
from monitor.config.yamltree import Path as Place
from monitor.globbing import BAD_PATTERN, CLOSE_BRACKETS, files_matching, is_pattern
from monitor.model.errors import Finding, TemplateError

if TYPE_CHECKING:
    from monitor.config.receivers import ReceiverParts

SHIPPED = Path(__file__).parent / "notification_templates" / "default.tmpl"
"""Templates under the names of Alertmanager's own."""
_LARGEST = 1 << 20


def read_template_files(
    patterns: Sequence[str], document: Document, path: Place, findings: Findings
) -> tuple[tuple[str, str], ...]:
    """Names and texts, the shipped ones first; what cannot be read or parsed is told."""
    found = [(SHIPPED.name, SHIPPED.read_text(encoding="utf-8"))]
    named = empty_set().parse(*found[0])
    paths: dict[str, Path] = {}
    for place, pattern in enumerate(patterns):
        if not is_pattern(pattern):
            findings.wrong(document, (*path, place), BAD_PATTERN, CLOSE_BRACKETS, original=BAD_PATTERN)
            continue
        files = files_matching(pattern)
        if not files:
            shown = pattern or '""'
            findings.doubt(document, (*path, place), f"no file matches {shown}", "is the path right?")
        for file in files:
            try:
                text = read_template_file(file)
                named = named.parse(file.name, text)
            except (OSError, ValueError) as error:
                remedy = "name its files" if isinstance(error, IsADirectoryError) else "text in UTF-8 is wanted"
                findings.wrong(document, (*path, place), f"{file} cannot be read: {unreadable(error)}", remedy)
            except TemplateError as error:
                findings.all.append(
                    Finding(file=str(file), line=_line(str(error)), path="", problem=str(error), original=str(error))
                )
            else:
                found.append((file.name, text))
                paths[file.name] = file
    for call in dangling(named):
        findings.all.append(
            Finding(
                file=str(paths.get(call.file, call.file)),
                line=call.line,
                column=call.column,
                path="",
                problem=call.problem,
                remedy="define it, or correct the name: where this is reached, a notification says plain words instead",
                warning=True,
            )
        )
    return tuple(found)


def check_fields(
    parts: Iterable[ReceiverParts],
    files: Sequence[tuple[str, str]],
    document: Document,
    findings: Findings,
    *,
    ours: bool,
) -> None:
    """Whether the texts of receivers are templates, and use only what exists. In an Alertmanager configuration, which
    Alertmanager takes with such mistakes, they only warn; in `receivers` of our own (`ours`) they are mistakes."""
    checks: TemplateChecks | None = None
    for part in parts:
        for here, template in part.texts:
            if not template.is_template:
                continue
            checks = checks or TemplateChecks.over(files)
            for problem in checks.problems(template):
                if ours:
                    findings.wrong(document, here, problem, "correct it: see `watchkeeper template render`")
                else:
                    findings.doubt(document, here, problem, _LIKE_ALERTMANAGER)


_LIKE_ALERTMANAGER: Final = "correct it: Alertmanager could not notify; here plain words would be sent"


def read_template_file(file: Path) -> str:
    """Raises OSError, and ValueError for what is too large or no text."""
    with file.open("rb") as stream:
        data = stream.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST} bytes")
    return data.decode()


def _line(error: str) -> int:
    parts = error.split(":")
    return int(parts[2]) if len(parts) > 2 and parts[2].isdecimal() else 0
