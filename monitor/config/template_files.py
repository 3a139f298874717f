"""Files with notification templates: the shipped ones, and those that an Alertmanager configuration names by patterns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from monitor.alerts.templating.renderer import empty_set
from monitor.config.findings import Findings
from monitor.config.yamltree import Document
from monitor.config.yamltree import Path as Place
from monitor.model.errors import Finding, TemplateError

_SHIPPED = Path(__file__).parent / "notification_templates" / "default.tmpl"
_LARGEST = 1 << 20


def read_template_files(
    patterns: Sequence[str], document: Document, path: Place, findings: Findings
) -> tuple[tuple[str, str], ...]:
    """Names and texts, the shipped ones first; what cannot be read or parsed is told."""
    found = [(_SHIPPED.name, _SHIPPED.read_text(encoding="utf-8"))]
    named = empty_set().parse(*found[0])
    for place, pattern in enumerate(patterns):
        root = Path(pattern).anchor or "."
        files = sorted(str(file) for file in Path(root).glob(str(Path(pattern).relative_to(Path(pattern).anchor))))
        if not files:
            findings.doubt(document, (*path, place), f"no file matches {pattern}", "is the path right?")
        for file in files:
            try:
                text = _text(Path(file))
                named = named.parse(Path(file).name, text)
            except (OSError, ValueError) as error:
                findings.wrong(document, (*path, place), f"{file} cannot be read: {error}", "text in UTF-8 is wanted")
            except TemplateError as error:
                findings.all.append(
                    Finding(file=file, line=_line(str(error)), path="", problem=str(error), original=str(error))
                )
            else:
                found.append((Path(file).name, text))
    return tuple(found)


def _text(file: Path) -> str:
    with file.open("rb") as stream:
        data = stream.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST} bytes")
    return data.decode()


def _line(error: str) -> int:
    parts = error.split(":")
    return int(parts[2]) if len(parts) > 2 and parts[2].isdecimal() else 0
