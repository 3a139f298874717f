"""Every case of the template corpus does what its name says; see tests/integration for the comparison with amtool."""

from __future__ import annotations

import pytest

from monitor.model.errors import TemplateError
from tests.support.template_corpus import TemplateCase, template_cases


def test_corpus_is_large_and_its_names_are_unique() -> None:
    """A case that shadows another would not be seen."""
    names = [f"{case.file}: {case.name}" for case in template_cases()]
    assert len(names) == len(set(names)) >= 240


@pytest.mark.parametrize(
    "case", [case for case in template_cases() if case.expect is not None], ids=lambda case: case.name
)
def test_later_constructs_give_the_text_that_stands_beside_them(case: TemplateCase) -> None:
    """What Debian's amtool does not know yet; the texts come from Go's own packages."""
    assert case.render() == case.expect


@pytest.mark.parametrize("case", [case for case in template_cases() if case.fails], ids=lambda case: case.name)
def test_wrong_templates_are_refused(case: TemplateCase) -> None:
    """With an error that names the place."""
    with pytest.raises(TemplateError, match="template:"):
        case.render()


def test_all_others_render() -> None:
    """None raises, and none gives nothing at all."""
    for case in template_cases():
        if not case.fails:
            assert case.render().strip(), case.name
