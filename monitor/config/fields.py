"""The kinds of values in configuration, each with the text form that its field accepts.

Every model in this room is built of these, so that a scalar is read the way its field wants it (see `yamltree`). What is
wrong is said with what would be right; where another program invented the field, in that program's words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_validator

from monitor.config import prose
from monitor.config.yamltree import Scalar, Tree, natural
from monitor.model.times import Millis, parse_duration

_TRUE_WORDS: Final = frozenset({"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"})
_FALSE_WORDS: Final = frozenset({"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"})
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTPE]?i?)B?", re.IGNORECASE)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6}


class Section(BaseModel):
    """A mapping of known keys; unknown ones are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=prose.wanted,
        arbitrary_types_allowed=True,
        defer_build=True,  # most are only ever built as part of the whole file's
    )


class GoSection(Section):
    """A section that Alertmanager reads too: as to go-yaml, a key that holds null is not there."""

    go_type: ClassVar[str] = "config.plain"
    """Into which type of Go its mapping is read."""
    go_types: ClassVar[Mapping[str, str]] = {}
    """The same of its keys, where these are neither texts nor flags nor such sections."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        members = cast("dict[str, Any]", given)
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {key: value for key, value in members.items() if key not in known or _optional(value) is not None}


class MisfitError(ValueError):
    """A value that another program would refuse in the same words, with the remedy that it would not name."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.remedy = remedy


def text_of(value: Any) -> Any:
    if isinstance(value, Scalar):
        return "" if value.is_null else value.text
    if isinstance(value, list | dict):
        raise ValueError("a text is wanted here")
    return value


def _whole(value: Any) -> Any:
    found = value.natural() if isinstance(value, Scalar) else value
    if isinstance(found, bool) or not isinstance(found, int):
        raise ValueError("a whole number is wanted here")
    return found


def _real(value: Any) -> Any:
    found = value.natural() if isinstance(value, Scalar) else value
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ValueError("a number is wanted here")
    return float(found)


def _flag(value: Any) -> Any:
    if isinstance(value, Scalar) and not value.quoted:
        if value.text in _TRUE_WORDS:
            return True
        if value.text in _FALSE_WORDS:
            return False
    if isinstance(value, bool):
        return value
    raise ValueError("true or false is wanted here")


def _span(value: Any) -> Any:
    if isinstance(value, Scalar | str):
        text = value if isinstance(value, str) else value.text
        try:
            return parse_duration(text)
        except ValueError as error:
            example = f"{text}s" if text.isdecimal() else "30s or 1h30m"
            raise MisfitError(str(error), f"write a number with its unit, such as {example}") from None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("a duration is wanted here, such as 30s or 1h30m")


def _lasting(value: int) -> int:
    if value <= 0:
        raise ValueError("must be longer than nothing: write a duration such as 30s")
    return value


def _size(value: Any) -> Any:
    text = value.text if isinstance(value, Scalar) else str(value)
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError("a size is wanted here, such as 10MB")
    return int(float(match.group(1)) * 1024 ** _POWERS[match.group(2).rstrip("iI").lower()])


def _free(value: Any) -> Any:
    return natural(cast("Tree", value)) if isinstance(value, Scalar | list | dict) else value


def _list(value: Any) -> Any:
    """A list; nothing at all is an empty one."""
    return [] if isinstance(value, Scalar) and value.is_null else value


def _one_or_more(value: Any) -> Any:
    """A list; a single value is a list of one."""
    return [value] if isinstance(value, Scalar) and not value.is_null else _list(value)


def _mapping(value: Any) -> Any:
    return {} if isinstance(value, Scalar) and value.is_null else value


def _optional(value: Any) -> Any:
    return None if isinstance(value, Scalar) and value.is_null else value


Text = Annotated[str, BeforeValidator(text_of)]
Whole = Annotated[int, BeforeValidator(_whole)]
Real = Annotated[float, BeforeValidator(_real)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Span = Annotated[
    Millis, BeforeValidator(_span), WithJsonSchema({"type": "string", "pattern": "^([0-9]+(ms|[smhdwy]))+$|^0$"})
]
"""A duration as `30s`; milliseconds inside."""
LastingSpan = Annotated[Span, AfterValidator(_lasting)]
"""The same where none at all makes no sense."""
Size = Annotated[int, BeforeValidator(_size), WithJsonSchema({"type": ["string", "integer"]})]
"""A size as `10MB` (powers of 1024, as in Prometheus); bytes inside."""
Free = Annotated[Any, BeforeValidator(_free), WithJsonSchema({})]
"""Anything; scalars in their natural meaning."""
AsList = BeforeValidator(_list)
AsOneOrMore = BeforeValidator(_one_or_more)
AsMapping = BeforeValidator(_mapping)
AsOptional = BeforeValidator(_optional)
