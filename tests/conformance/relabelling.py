"""relabel.json: rules applied, rules refused, target labels allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.matching.relabel import NameScheme, Relabeling, RelabelRule, valid_template, validate
from tests.conformance.cases import Case, Check


def check_relabel(case: Case) -> None:
    data = case.data
    match case.kind:
        case "relabel":
            rules = [_rule(fields, "replace") for fields in data["config"]]
            got = Relabeling(rules, names=NameScheme(data.get("names", "utf8"))).apply(data["labels"])
            assert (got is not None) == data["keep"], f"kept: {got}"
            if got is not None:
                assert got == {name: value for name, value in data["output"].items() if value}, f"got {got}"
        case "validate":
            wanted = data["error_contains"]
            try:
                validate(_rule(data["config"], ""), NameScheme(data["names"]))
            except ValueError as error:
                assert wanted is not None, f"refused: {error}"
                assert wanted in str(error), f"said {str(error)!r}"
            else:
                assert wanted is None, "accepted"
        case "target_label":
            assert valid_template(data["target_label"], NameScheme(data["names"])) == data["valid"]
        case kind:
            raise AssertionError(f"unknown kind {kind}")


def _rule(fields: Mapping[str, Any], default_action: str) -> RelabelRule:
    given = {**fields, "action": fields.get("action", default_action)}
    if "source_labels" in given:
        given["source_labels"] = tuple(given["source_labels"] or ())
    return RelabelRule(**given)


TABLES: dict[str, Check] = {"relabel.json": check_relabel}
