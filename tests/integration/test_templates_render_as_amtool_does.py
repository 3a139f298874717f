"""Our templates beside Debian's `amtool template render` (0.25), byte for byte, over the whole corpus.

What is known to differ between 0.25 and later versions is marked in the corpus with the reason, and must differ indeed: a
mark that is no longer needed fails.
"""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from monitor.model.errors import TemplateError
from tests.support.template_corpus import FOLDER, TemplateCase, template_cases

AMTOOL = shutil.which("amtool")
PACKAGED = Path("/usr/share/prometheus/alertmanager/default.tmpl")
"""amtool renders nothing without the default templates."""

pytestmark = pytest.mark.skipif(
    AMTOOL is None or not PACKAGED.exists(),
    reason="amtool is not installed: templates were NOT compared with it (Debian package: prometheus-alertmanager)",
)


def _theirs(case: TemplateCase) -> tuple[bool, str]:
    assert AMTOOL is not None
    done = subprocess.run(
        [
            AMTOOL,
            "template",
            "render",
            f"--template.glob={PACKAGED}",
            f"--template.text={case.template}",
            f"--template.data={FOLDER / case.data}",
            f"--template.type={'html' if case.html else 'text'}",
        ],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0, done.stdout.decode()


def _ours(case: TemplateCase) -> tuple[bool, str]:
    try:
        return True, case.render()
    except TemplateError:
        return False, ""


@pytest.mark.parametrize("file", sorted({case.file for case in template_cases()}))
def test_same_text_or_both_refuse(file: str) -> None:
    """Every case that 0.25 can know."""
    cases = [case for case in template_cases() if case.file == file and case.expect is None]
    with ThreadPoolExecutor(2) as pool:
        theirs = list(pool.map(_theirs, cases))
    wrong: list[str] = []
    for case, (accepted, text) in zip(cases, theirs, strict=True):
        ours = _ours(case)
        same = ours == (accepted, text if accepted else "")
        if same == bool(case.differs):
            wrong.append(f"{case.name}:\n  amtool {accepted} {text!r}\n  we     {ours}")
    assert not wrong, "\n".join(wrong)


def test_what_0_25_lacks_is_refused_by_it() -> None:
    """Else the case belongs to the comparison."""
    cases = [case for case in template_cases() if case.expect is not None]
    with ThreadPoolExecutor(2) as pool:
        theirs = list(pool.map(_theirs, cases))
    known = [
        case.name for case, (accepted, text) in zip(cases, theirs, strict=True) if accepted and text == case.expect
    ]
    assert not known
