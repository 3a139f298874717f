"""matchers.json: matchers in three syntaxes, matching, printing, JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from monitor.matching.matchers import Matcher, MatchOp
from monitor.matching.parse import Syntax, is_label_name, parse_matcher, parse_matchers
from monitor.matching.printing import matcher_document, matcher_from_document, matcher_text
from tests.conformance.cases import Case, Check, read_text


def check_matchers(case: Case) -> None:
    data = case.data
    match case.kind:
        case "parse_list" | "parse_one":
            _check_parse(case)
        case "label_name":
            valid = is_label_name(text_of(data["input"]), Syntax(data["mode"]))
            assert valid == data["valid"], f"{valid}"
        case "match":
            matcher = _matcher({"name": "foo", "op": data["op"], "value": data["pattern"]})
            assert matcher.matches(text_of(data["value"])) == data["match"]
        case "string":
            text = matcher_text(_matcher(data["matcher"]))
            assert text == text_of(data["text"]), f"printed {text}"
        case "json_write":
            text = json.dumps(matcher_document(_matcher(data["matcher"])), separators=(",", ":"))
            assert text == data["text"], f"wrote {text}"
        case "json_read":
            read = matcher_from_document(json.loads(data["text"]))
            assert read == _matcher(data["matcher"]), f"read {read}"
        case other:
            raise AssertionError(f"unknown kind {other}")


def _check_parse(case: Case) -> None:
    data = case.data
    text, syntax = text_of(data["input"]), Syntax(data["mode"])
    try:
        found = (parse_matcher(text, syntax),) if case.kind == "parse_one" else parse_matchers(text, syntax)
    except ValueError as error:
        assert data["error"], f"refused: {error}"
        assert data["error"] is True or str(error) == text_of(data["error"]), f"said {error}"
        return
    assert not data["error"], f"read {found}"
    assert list(found) == [_matcher(one) for one in data["matchers"]], f"read {found}"


def _matcher(fields: Mapping[str, Any]) -> Matcher:
    return Matcher(text_of(fields["name"]), MatchOp(fields["op"]), text_of(fields["value"]), dot_matches_newline=False)


def text_of(value: object) -> str:
    """A text field; what is no UTF-8 becomes lone surrogates."""
    return read_text(value).decode("utf-8", "surrogateescape")


TABLES: dict[str, Check] = {"alertmanager/matchers.json": check_matchers}
