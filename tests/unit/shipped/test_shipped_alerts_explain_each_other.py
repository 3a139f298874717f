"""Which shipped alert explains which: names that exist, no circles, and the table of the how-to."""

from __future__ import annotations

import re
from pathlib import Path

from monitor.config.default_tree import default_inhibit_rules
from monitor.config.findings import Findings
from monitor.config.rule_files import read_rule_file
from monitor.matching.matchers import MatchOp
from monitor.model.times import MINUTE
from monitor.rules.groups import AlertingRule
from monitor.rules.rule_files import Defaults

ROOT = Path(__file__).resolve().parents[3]
_ROW = re.compile(r"^\| `(\w+)` \| (`\w+`.*) \|$", re.MULTILINE)


def explanations() -> dict[str, set[str]]:
    """Cause to symptoms."""
    found: dict[str, set[str]] = {}
    for rule in default_inhibit_rules():
        cause = next(one.value for one in rule.sources if one.op is MatchOp.EQUAL)
        found.setdefault(cause, set()).update(rule.targets[0].value.split("|"))
    return found


def shipped_alerts() -> dict[str, str]:
    """Name to severity."""
    findings = Findings()
    files = [read_rule_file(path, path.name, Defaults(), findings) for path in sorted((ROOT / "rules").glob("*.yml"))]
    rules = [rule for groups in files for group in groups for rule in group.rules]
    return {rule.name: dict(rule.labels)["severity"].source for rule in rules if isinstance(rule, AlertingRule)}


def test_causes_and_symptoms_are_shipped_alerts() -> None:
    """A name that nothing fires under would explain nothing; every cause pages, for a page must not hide behind a warning."""
    alerts = shipped_alerts()
    named = {name for cause, symptoms in explanations().items() for name in (cause, *symptoms)}
    assert named <= alerts.keys()
    assert {alerts[cause] for cause in explanations()} == {"critical"}


def test_only_what_pages_explains_and_what_a_check_saw_explains_no_other_check() -> None:
    """Checks may share a job: one of them explains what has no check only if it bears the job's name."""
    for rule in default_inhibit_rules():
        cause = rule.sources[0].value
        assert ("severity", MatchOp.EQUAL, "critical") in [(one.name, one.op, one.value) for one in rule.sources]
        of_a_check = cause in {"ServiceDown", "DatabaseComponentDown"}
        assert ("check" in rule.equal, rule.alike == ("check", "job")).count(True) == int(of_a_check)


def test_nothing_is_explained_for_ever() -> None:
    """Whatever began a quarter of an hour after its cause is news; the how-to says so."""
    assert {rule.within for rule in default_inhibit_rules()} == {15 * MINUTE}
    text = (ROOT / "docs" / "how-to" / "escalate.md").read_text(encoding="utf-8")
    assert "begins more than a quarter of an hour after its explanation did" in " ".join(text.split())


def test_no_alert_explains_what_explains_it() -> None:
    """Also not by way of others: of what fires, something is always heard."""

    def reaches(name: str, seen: frozenset[str]) -> bool:
        return any(one in seen or reaches(one, seen | {one}) for one in explanations().get(name, set[str]()))

    assert not any(reaches(cause, frozenset({cause})) for cause in explanations())
    assert all("ServiceDown" not in symptoms for symptoms in explanations().values())


def test_the_how_to_says_the_same() -> None:
    """Cause by cause."""
    text = (ROOT / "docs" / "how-to" / "escalate.md").read_text(encoding="utf-8")
    told = {cause: set(re.findall(r"`(\w+)`", symptoms)) for cause, symptoms in _ROW.findall(text)}
    assert {cause: told.get(cause) for cause in explanations()} == explanations()
