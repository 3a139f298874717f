"""The reference of the configuration file, made from the sections that read it.

Nobody writes an option twice: its name, kind, default and sentence stand in the section's class, and from there they come
into `docs/reference/configuration.md` and into the tables of the how-to pages. A page marks the place of a table by a pair
of comments that name the section and, if not all are wanted, its keys:

    <!-- options: CheckSection url method headers -->
    <!-- end of options -->

`python -m monitor.config.reference` writes the reference and fills the tables; a test holds the committed pages equal.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from monitor.config.alertmanager.global_section import GLOBAL
from monitor.config.alertmanager.receiver_list import receiver_struct
from monitor.config.alertmanager_file import AlertmanagerSection
from monitor.config.document import ConfigurationSection, Foreign
from monitor.config.environment import Environment
from monitor.config.fields import Flag, Free, Real, Section, Size, Span, Text, Whole
from monitor.config.golang.structs import ListOf, Struct
from monitor.config.own_kinds import OURS
from monitor.config.prometheus import described
from monitor.config.prometheus.file import CONFIG
from monitor.model.times import format_duration

_DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
_REFERENCE: Final = "reference/configuration.md"
_MARK: Final = re.compile(
    r"(<!-- options: (?P<section>\w+)(?P<keys>(?: \w+)*) -->\n).*?(<!-- end of options -->)", re.DOTALL
)
_SCALARS: Final = (
    (Text, "text"),
    (Whole, "whole number"),
    (Real, "number"),
    (Flag, "true or false"),
    (Span, "duration"),
    (Size, "size"),
    (Free, "anything"),
)
_ROOTS: Final[tuple[type[Section], ...]] = (ConfigurationSection, AlertmanagerSection)
_ELSEWHERE: Final = {
    "receivers": "list of [Receiver](#receiver)",
    "global": "[Prometheus global](#prometheus-global)",
    "scrape_configs": "list of [Scrape](#scrape)",
}
"""Read later, so that their sections do not stand in the type of the whole file."""
_SPELLED: Final = {
    "Http": "HTTP",
    "Pagerduty": "PagerDuty",
    "Smtp": "SMTP",
    "Tcp": "TCP",
    "Tls": "TLS",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One key of a section."""

    name: str
    kind: str
    """What is written there, in words."""
    default: str
    """As it would be written; empty for nothing, `required` when there is none."""
    text: str


def sections() -> Sequence[type[Section]]:
    """Every section that a user can write, each once, outer ones before the inner ones."""
    found: dict[type[Section], None] = {}
    waiting: list[type[Section]] = list(_ROOTS)
    while waiting:
        section = waiting.pop(0)
        if section not in found:
            found[section] = None
            waiting.extend(inner for hint in _hints(section).values() for inner in _sections_in(hint))
    return list(found)


def options(section: type[Section]) -> Sequence[Option]:
    """The keys of a section, in the order of its class."""
    hints = _hints(section)
    return [
        Option(
            name=field.alias or name,
            kind=_elsewhere(section, field.alias or name) or _kind(hints[name]),
            default=_default(field, hints[name]),
            text=_sentence(field, section),
        )
        for name, field in section.model_fields.items()
    ]


def table(section: type[Section], keys: Sequence[str] = (), *, page: str = "") -> str:
    """The keys as a table; `keys` chooses some of them and their order. `page`: the reference as seen from the page that
    the table stands on, for its links. Raises KeyError for a key that the section has not."""
    known = {option.name: option for option in options(section)}
    chosen = [known[key] for key in keys] if keys else list(known.values())
    lines = ["| Key | Value | Default | Meaning |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{option.name}` | {option.kind.replace('](#', f']({page}#')} | {_cell(option.default)} | {option.text} |"
        for option in chosen
    ]
    return "\n".join(lines) + "\n"


def reference() -> str:
    """The whole page."""
    parts = [_HEAD]
    parts += [f"## {_title(section)}\n\n{_theory(section)}\n\n{table(section)}" for section in sections()]
    shown: set[str] = set()
    for inventor, root in _FOREIGN.items():
        for title, about, struct in described.sections(root):
            if title not in shown:
                parts.append(f"## {title}\n\n{about}\n\n{_foreign_table(struct, inventor)}")
                shown.add(title)
    parts.append(f"## Environment\n\n{_ENVIRONMENT}\n\n{_environment_table()}")
    return "\n".join(parts)


def filled(text: str, *, page: str) -> str:
    """A how-to page with its tables as they should be. Raises KeyError for a section or key that does not exist."""
    known = {section.__name__: section for section in sections()}
    foreign = {
        title.replace(" ", ""): (struct, inventor)
        for inventor, root in _FOREIGN.items()
        for title, _, struct in described.sections(root)
    }

    def fill(match: re.Match[str]) -> str:
        name, keys = match["section"], match["keys"].split()
        if name in foreign:
            made = _foreign_table(*foreign[name], keys=keys, page=page)
        else:
            made = table(known[name], keys, page=page)
        return f"{match[1]}{made}{match[4]}"

    return _MARK.sub(fill, text)


def pages(docs: Path) -> Mapping[Path, str]:
    """Every generated page below the folder `docs`, as it should read."""
    made = {docs / _REFERENCE: reference()}
    for path in sorted((docs / "how-to").glob("*.md")):
        made[path] = filled(path.read_text(encoding="utf-8"), page=f"../{_REFERENCE}")
    return made


def main() -> int:
    """Write what differs, and name it."""
    for path, text in pages(_DOCS).items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {path.relative_to(_DOCS.parent)}\n")
    return 0


_HEAD: Final = """\
# Configuration reference

<!-- Made by `python -m monitor.config.reference` from the sections' classes; edit those. -->

One YAML file, `watchkeeper.yml` in the working directory unless `--config` or `WATCHKEEPER_CONFIG` names another. Keys
that Prometheus or Alertmanager invented keep their names, meanings and defaults there. A key that nobody knows is an
error; one that is known and not served yet warns. All mistakes are reported together by `watchkeeper check-config`, each
as `file:line: path: what is wrong: what would be right`; with `--schema` it prints the JSON Schema that editors complete
keys by.

- A *duration* is written as in Prometheus: `30s`, `1h30m`, `7d`.
- A *size* is written as `10MB`, in powers of 1024.
- `${NAME}` is replaced by the environment variable, `${NAME:-word}` by the word if it is not set; `$$` is a dollar. This
  holds for this file only, not for the files of others that it names.
- A key that ends in `_file` names a file with a secret, relative to the configuration file. It is read at each use, so
  that a new secret needs no reload.
"""
_ENVIRONMENT: Final = """\
Variables override the file; a file `.env` in the working directory is read as well. A container is configured by these."""


def _hints(section: type[Section]) -> dict[str, Any]:
    return {
        name: hint
        for name, hint in get_type_hints(section, include_extras=True).items()
        if name in section.model_fields
    }


def _elsewhere(section: type[Section], name: str) -> str:
    here = section is ConfigurationSection or (section in _ROOTS and name == "receivers")
    return _ELSEWHERE.get(name, "") if here else ""


def _sections_in(hint: Any) -> Iterable[type[Section]]:
    if isinstance(hint, type) and issubclass(hint, Section):
        yield hint
    for argument in get_args(hint):
        yield from _sections_in(argument)


def _is(hint: Any, scalar: Any) -> bool:
    """Is it this scalar, with bounds or without?"""
    parts = get_args(scalar)
    return hint == scalar or (get_origin(hint) is Annotated and bool(parts) and get_args(hint)[: len(parts)] == parts)


def _kind(hint: Any) -> str:
    for mark in get_args(hint):
        if isinstance(mark, Foreign):
            return described.words("", mark.kind)
    for scalar, words in _SCALARS:
        if _is(hint, scalar):
            return words
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _kind(arguments[0])
    if origin is list:
        return f"list of {_plural(_kind(arguments[0]))}"
    if origin is dict:
        return f"mapping of names to {_plural(_kind(arguments[1]))}"
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        title = _title(hint)
        return f"[{title}](#{_anchor(title)})"
    return " or ".join(_kind(argument) for argument in arguments if argument is not NoneType)


def _plural(words: str) -> str:
    return {
        "text": "texts",
        "whole number": "whole numbers",
        "number": "numbers",
        "duration": "durations",
        "list of texts": "lists of texts",
    }.get(words, words)


def _default(field: FieldInfo, hint: Any) -> str:
    if field.is_required():
        return "required"
    value: object = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, BaseModel) or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        listed: list[object] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        return f"[{', '.join(str(one) or chr(34) * 2 for one in listed)}]"
    if isinstance(value, int) and any(_is(one, Span) for one in (hint, *get_args(hint))):
        return format_duration(value)
    if isinstance(value, int) and _is(hint, Size):
        return str(value)
    return str(value)


def _sentence(field: FieldInfo, section: type[BaseModel]) -> str:
    return " ".join((field.description or "As in Prometheus.").split()).replace("|", "\\|")


def _cell(default: str) -> str:
    return default if default in ("", "required") else f"`{default}`"


def _title(section: type[BaseModel]) -> str:
    """`ExpectSection` is `Expect`, `TlsCheckSection` is `TLS check`."""
    if section is ConfigurationSection:
        return "The whole file"
    name = section.__name__.removesuffix("Section").replace("PagerDuty", "Pagerduty")
    words = [match[0] for match in re.finditer(r"[A-Z][a-z]*", name)]
    first = _SPELLED.get(words[0], words[0])
    return " ".join([first, *(word.lower() for word in words[1:])])


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _theory(section: type[Section]) -> str:
    return " ".join((section.__doc__ or "").split())


def _foreign_table(struct: Struct, inventor: str, *, keys: Sequence[str] = (), page: str = "") -> str:
    lines = ["| Key | Value | Default | Meaning |", "| --- | --- | --- | --- |"]
    known = {row[0]: row for row in described.rows(struct, inventor)}
    for key, words, default, text in [known[key] for key in keys] if keys else known.values():
        names = ", ".join(f"`{one}`" for one in key.split(", "))
        shown = words.replace("](#", f"]({page}#") if page else words
        lines.append(f"| {names} | {shown} | {_cell(default)} | {text} |")
    return "\n".join(lines) + "\n"


_FOREIGN: Final[Mapping[str, Struct]] = {
    "Prometheus": CONFIG,
    "Alertmanager": Struct(keys={"global": GLOBAL, "receivers": ListOf(item=receiver_struct(OURS))}),
}
"""Formats that others invented, described as data."""


def _environment_table() -> str:
    lines = ["| Variable | Meaning |", "| --- | --- |"]
    for name, field in Environment.model_fields.items():
        others = [choice for choice in _aliases(field) if not choice.startswith("WATCHKEEPER_")]
        also = f" (also `{'`, `'.join(others)}`)" if others else ""
        secret = " A secret." if field.annotation is SecretStr else ""
        lines.append(f"| `WATCHKEEPER_{name.upper()}`{also} | {_sentence(field, Environment)}{secret} |")
    return "\n".join(lines) + "\n"


def _aliases(field: FieldInfo) -> Sequence[str]:
    choices = getattr(field.validation_alias, "choices", ())
    return [choice for choice in choices if isinstance(choice, str)]


if __name__ == "__main__":
    raise SystemExit(main())
