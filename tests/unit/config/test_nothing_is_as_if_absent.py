"""A key of an Alertmanager file that holds nothing is as if it were not there, as to go-yaml."""

from __future__ import annotations

import pytest
import yaml

from monitor.config.alertmanager_file import AlertmanagerParts, read_alertmanager
from monitor.config.findings import Findings
from monitor.config.yamltree import read
from monitor.model.times import MINUTE, SECOND
from tests.support.null_cases import ACCEPTED, REFUSED, file_with


def loaded(text: str) -> tuple[AlertmanagerParts | None, list[str]]:
    document = read(text, "am.yml")
    findings = Findings()
    parts = read_alertmanager(document, document.tree, (), findings, str)
    return parts, [one.original or one.problem for one in findings.errors]


@pytest.mark.parametrize(("name", "text"), ACCEPTED)
def test_what_holds_nothing_is_no_mistake(name: str, text: str) -> None:
    """Neither as a key nor in a list; and what is printed of it can be read again."""
    parts, errors = loaded(file_with(name, text))
    assert errors == []
    assert parts is not None
    again, errors = loaded(parts.printed)
    assert errors == []
    assert again is not None
    assert again.printed == parts.printed


@pytest.mark.parametrize(("name", "text", "message"), REFUSED)
def test_what_is_needed_or_wrong_is_told(name: str, text: str, message: str) -> None:
    """A text that is empty is a value; an authorization that is null is none."""
    _, errors = loaded(file_with(name, text))
    assert any(message in error for error in errors), errors


def test_defaults_stand_for_what_holds_nothing() -> None:
    """Of routes, and of a receiver's keys."""
    parts, _ = loaded(file_with("GROUP_WAIT", ""))
    assert parts is not None
    assert (parts.root.group_wait, parts.root.group_interval) == (30 * SECOND, 5 * MINUTE)
    parts, _ = loaded(file_with("MESSAGE_TYPE", "null"))
    assert parts is not None
    assert yaml.safe_load(parts.printed)["receivers"][0]["wechat_configs"][0]["message_type"] == "text"


def test_a_matcher_that_is_nothing_asks_nothing() -> None:
    """The others of its list do."""
    parts, _ = loaded(file_with("MATCHERS", "[null, 'a=b']"))
    assert parts is not None
    assert [str(one.name) for one in parts.root.children[0].matchers] == ["a"]


def test_ranges_that_are_nothing_are_as_go_leaves_them() -> None:
    """Sunday; of days, months, years and hours one that never comes. A whole key that is nothing restricts nothing."""
    parts, _ = loaded(file_with("WEEKDAYS", "[null]"))
    assert parts is not None
    assert parts.muting.intervals["t"][1].weekdays == ((0, 0),)
    parts, _ = loaded(file_with("WEEKDAYS", "null"))
    assert parts is not None
    assert parts.muting.intervals["t"][1].weekdays is None
    for name in ("TIMES", "DAYS_OF_MONTH", "MONTHS", "YEARS"):
        parts, _ = loaded(file_with(name, "[null]"))
        assert parts is not None
        assert not parts.muting.intervals["t"][1].comes(2026)


def test_an_empty_field_of_a_chat_message_is_left_out() -> None:
    """And told: nobody writes one on purpose."""
    document = read(file_with("FIELDS", "[null, {title: a, value: b}]"), "am.yml")
    findings = Findings()
    parts = read_alertmanager(document, document.tree, (), findings, str)
    assert parts is not None
    assert len(yaml.safe_load(parts.printed)["receivers"][0]["slack_configs"][0]["fields"]) == 1
    assert "is empty and left out" in [one.problem for one in findings.all]


@pytest.mark.parametrize("key", ["time_intervals", "mute_time_intervals"])
@pytest.mark.parametrize("use", ["mute_time_intervals", "active_time_intervals"])
def test_an_interval_that_is_nothing_is_named_by_nothing(key: str, use: str) -> None:
    """No time is in it."""
    text = f"route: {{receiver: x, routes: [{{{use}: ['']}}]}}\nreceivers: [{{name: x}}]\n"
    parts, errors = loaded(f"{text}{key}: [null]\n")
    assert errors == []
    assert parts is not None
    assert parts.muting.intervals == {"": ()}
    _, errors = loaded(text)
    assert errors == ['undefined time interval "" used in route']
