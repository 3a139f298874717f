"""alertmanager/config/config_cases.json: which configurations load, what is wrong with the others, and what they inherit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from email.utils import getaddresses, parseaddr
from pathlib import Path
from typing import Any, Final, cast

import yaml

from monitor.config.alertmanager.catalogue import INTEGRATIONS
from monitor.config.alertmanager.global_section import GLOBAL
from monitor.config.alertmanager.inheritance import inherited, kind_struct, plain
from monitor.config.alertmanager.kinds import COVERED
from monitor.config.alertmanager.printing import printed_value
from monitor.config.alertmanager.whole import WholeFile
from monitor.config.alertmanager_file import read_whole
from monitor.config.findings import Findings
from monitor.config.golang.kinds import Kind, Reading
from monitor.config.golang.structs import ListOf, Struct, Values
from monitor.config.yamltree import Document, read
from monitor.matching.parse import Syntax
from monitor.model.errors import ConfigError
from tests.conformance.cases import Case, Check

Fields = Mapping[str, Any]


def _reading(text: str) -> tuple[Document, Findings, Reading]:
    document = read(text, "alertmanager.yml", repeats=True)
    findings = Findings()
    return document, findings, Reading(document, findings, lambda path: path)


def _judge(data: Fields, findings: Findings, failed: str = "") -> bool:
    """Is it an error, as the case says? True if it loaded and its checks are to be run."""
    said = failed or next((one.original or one.problem for one in findings.errors), "")
    part, whole = data.get("error_contains"), data.get("error")
    if part is not None:
        every = [failed, *(f"{one.original}\n{one.problem}" for one in findings.errors)]
        assert any(part in one for one in every), f"said {said!r}"
        return False
    if whole is None:
        assert not said, f"refused: {said}"
        return True
    assert said, "was accepted"
    assert whole is True or said == whole, f"said {said!r}"
    return False


def check_load(case: Case) -> None:
    data = case.data
    text = data["text"] if "text" in data else (case.table.parent / data["file"]).read_text(encoding="utf-8")
    try:
        document, findings, _ = _reading(text)
        # the cases are of a configuration in this folder, read with the label names of old
        found = read_whole(
            document, document.tree, (), findings, lambda path: str(Path("/etc/alertmanager") / path), Syntax.CLASSIC
        )
    except ConfigError as error:
        _judge(data, Findings(), str(error.findings[0].problem))
        return
    if _judge(data, findings):
        assert found is not None
        for check in data.get("checks") or ():
            _check_whole(found[0], check)


def _check_whole(whole: WholeFile, check: Fields) -> None:
    if "equals_when_printed" in check:
        got = _bare(whole.printed())
        wanted = _covered_alike(_bare(check["equals_when_printed"]), got)
        assert got == wanted, f"printed {json.dumps(got)}"
    elif check.get("printed"):
        text = whole.printed_text()
        assert {"count", "lacks"} & set(check), "asks nothing"
        if "count" in check:
            part, times = check["count"]
            assert text.count(part) == times, f"{text.count(part)} times in\n{text}"
        if "lacks" in check:
            assert check["lacks"] not in text
    else:
        _check(whole.shown(), check, whole.printed())


def _covered_alike(wanted: object, got: object) -> object:
    """What is printed covers secrets; the table shows them."""
    if isinstance(wanted, dict):
        theirs = cast("dict[str, object]", got) if isinstance(got, dict) else {}
        return {key: _covered_alike(each, theirs.get(key)) for key, each in cast("dict[str, object]", wanted).items()}
    if isinstance(wanted, list):
        others = cast("list[object]", got) if isinstance(got, list) else []
        return [_covered_alike(one, other) for one, other in zip(cast("list[object]", wanted), others, strict=True)]
    return COVERED if got == COVERED and wanted else wanted


def _bare(value: object) -> object:
    """Without what is at its zero value."""
    if isinstance(value, dict):
        members = {key: _bare(each) for key, each in cast("dict[str, object]", value).items()}
        return {key: each for key, each in members.items() if each not in (None, "", 0, False, [], {})}
    if isinstance(value, list):
        return [_bare(each) for each in cast("list[object]", value)]
    return value


def check_receiver(case: Case) -> None:
    data = case.data
    _, findings, reading = _reading(data["text"])
    struct = _struct_of(data["section"])
    values = struct.read(reading.document.tree, (), reading)
    if not _judge(data, findings):
        return
    assert isinstance(values, Values)
    found = plain(struct, values)
    if data["section"] == "pagerduty_configs":
        shared = GLOBAL.read({}, (), reading)
        assert isinstance(shared, Values)
        found = inherited("pagerduty_configs", values, shared, reading) or {}
    printed = printed_value(struct, found)
    for check in data.get("checks") or ():
        _check(found, check, printed)


def check_scalar(case: Case) -> None:
    data = case.data
    _, findings, reading = _reading(data["text"])
    kind = _kind_of(data["section"])
    value = kind.read(reading.document.tree, (), reading)
    if _judge(data, findings):
        for check in data.get("checks") or ():
            _check(value, check, printed_value(kind, value) if value else value)


def check_enum(case: Case) -> None:
    data = case.data
    _, findings, reading = _reading(json.dumps({data["field"]: data["value"]}))
    _struct_of(data["section"]).read(reading.document.tree, (), reading)
    wrong = [one for one in findings.errors if one.path == data["field"]]
    assert bool(wrong) is not data["ok"], f"{wrong}"


def _struct_of(section: str) -> Struct:
    """`slack_configs`, or `mattermost_configs[].attachments[].fields[]`."""
    first, *rest = section.replace("[]", "").split(".")
    struct = INTEGRATIONS[first]
    for key in rest:
        inner = kind_struct(struct.keys[key])
        assert inner is not None
        struct = inner
    return struct


def _kind_of(section: str) -> Kind:
    first, _, key = section.replace("[]", "").partition(".")
    struct = GLOBAL if first == "global" else INTEGRATIONS[first]
    kind = struct.keys[key]
    return kind.item if isinstance(kind, ListOf) else kind


_QUESTIONS: Final = frozenset(
    (
        *("equals", "differs_from", "equals_path", "differs_from_path"),
        *("set", "empty", "len", "addresses", "addresses_ok"),
        *("printed_as_json", "printed_as_yaml"),
    )
)


def _check(found: object, check: Fields, printed: object) -> None:
    """`printed`: the same with its secrets covered, without what is empty."""
    asked = set(check) - {"path"}
    assert asked, "asks nothing"
    assert asked <= _QUESTIONS, f"nobody knows how to check {asked - _QUESTIONS}"
    value = _at(found, check["path"])
    if "equals" in check:
        assert value == check["equals"] or (not value and not check["equals"]), f"{check['path']} is {value!r}"
    if "differs_from" in check:
        assert value != check["differs_from"]
    if "equals_path" in check:
        assert value == _at(found, check["equals_path"]), f"{check['path']} is {value!r}"
    if "differs_from_path" in check:
        assert value != _at(found, check["differs_from_path"]), f"{check['path']} is {value!r}"
    if "set" in check:
        assert (value not in (None, "")) is check["set"], f"{check['path']} is {value!r}"
    if "empty" in check:
        assert (not value) is check["empty"], f"{check['path']} is {value!r}"
    if "len" in check:
        assert len(cast("list[object]", value or [])) == check["len"], f"{check['path']} is {value!r}"
    if "addresses" in check or "addresses_ok" in check:
        _check_addresses(str(value), check)
    if "printed_as_json" in check or "printed_as_yaml" in check:
        shown = _at(printed, check["path"]) if value else value
        _check_printed(value if shown is None else shown, check)


def _check_printed(value: object, check: Fields) -> None:
    """What is printed, read back: which quotes stand around it is its writer's."""
    if "printed_as_json" in check:
        wanted = json.loads(check["printed_as_json"])
        assert value == wanted or (not value and not wanted), f"is {value!r}"
    if "printed_as_yaml" in check:
        loader = yaml.BaseLoader if isinstance(value, str) else yaml.SafeLoader
        wanted = yaml.load(check["printed_as_yaml"], Loader=loader)
        assert value == wanted or (not value and not wanted), f"is {value!r}"


def _check_addresses(text: str, check: Fields) -> None:
    addresses = [address for _, address in getaddresses([text]) if address]
    if "addresses" in check:
        assert addresses == check["addresses"], f"{addresses}"
    if "addresses_ok" in check:
        good = all(re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(part)[1]) for part in text.split(",") if part.strip())
        assert good is check["addresses_ok"]


def _at(found: object, path: str) -> object:
    for part in re.findall(r"[^.\[\]]+", path):
        if found is None:
            return None
        if part.isdecimal() and isinstance(found, list):
            found = cast("list[object]", found)[int(part)]
        else:
            found = cast("dict[str, object]", found).get(part)
    return found


KINDS: dict[str, dict[str, Check]] = {
    "config/config_cases.json": {
        "enum": check_enum,
        "load": check_load,
        "load_file": check_load,
        "receiver": check_receiver,
        "scalar": check_scalar,
    }
}
