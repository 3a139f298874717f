"""What is wrong with a command line, in our words: which option or argument, what was given, and what would be right.

typer finds these mistakes in the daemon's verbs, and argparse before the daemon's own start, for which typer is too much to
import. Both know more than they say. typer's errors are told apart by the names of their classes, since it keeps the classes
themselves to itself.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from monitor.cli.exits import CommandError, Exit

_WANTED: Final = {
    "int": ("no whole number", "write a number such as 20"),
    "float": ("no number", "write a number such as 0.5"),
    "bool": ("neither true nor false", "write true or false"),
}
_COMMAND: Final = re.compile(r"No such command '(.*?)'", re.DOTALL)
_EXTRA: Final = re.compile(r"Got unexpected extra arguments? ?(?:\(s\) )?\((.*)\)", re.DOTALL)
_NO_VALUE: Final = re.compile(r"argument (\S+): expected (?:one|at least one) argument")
_UNKNOWN: Final = re.compile(r"unrecognized arguments: (.*)", re.DOTALL)
_INVALID: Final = re.compile(r"argument (\S+): invalid (\w+) value: '(.*)'", re.DOTALL)
_CHOICE: Final = re.compile(r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)", re.DOTALL)


def is_help(error: object) -> bool:
    """Was nothing given where something must be? Then the error is the help, which was printed with it."""
    return type(error).__name__ == "NoArgsIsHelpError"


def usage_error(error: Any, verb: str) -> CommandError:
    """An error of typer's as one of ours; `verb` is the command that was called, if it is known."""
    context = error.ctx
    command: str = context.command_path if context is not None else f"watchkeeper {verb}".rstrip()
    kind, said = type(error).__name__, str(error.message)
    if kind == "NoSuchOption":
        return _unknown_option(str(error.option_name), _options(context), command)
    if kind == "BadOptionUsage":
        return _refused(
            f"{error.option_name} needs a value" if "requires" in said else f"{error.option_name} takes no value",
            command,
        )
    if kind == "MissingParameter":
        return _refused(f"{_named(error.param)} is missing", command)
    if kind == "BadParameter":
        return _bad_value(error, command)
    if found := _COMMAND.match(said):
        known: Sequence[str] = context.command.list_commands(context) if context is not None else ()
        return _refused(f'there is no command "{found[1]}" in `{command}`', command, _nearest(found[1], known))
    if found := _EXTRA.match(said):
        return _refused(f'"{found[1]}" is more than `{command}` takes', command)
    return _refused(said.rstrip("."), command)


class Parser(argparse.ArgumentParser):
    """argparse with our words for mistakes."""

    def error(self, message: str) -> NoReturn:
        """Tell it and leave."""
        told = self._told(message)
        sys.stderr.write(f"watchkeeper: {told.message}: {told.remedy}\n")
        raise SystemExit(told.code)

    def _told(self, message: str) -> CommandError:
        if found := _UNKNOWN.fullmatch(message):
            given = next((one for one in found[1].split() if one.startswith("-")), "")
            if given:
                return _unknown_option(given.partition("=")[0], list(self._option_string_actions), self.prog)
            return _refused(f'"{found[1]}" is more than `{self.prog}` takes', self.prog)
        if found := _NO_VALUE.fullmatch(message):
            return _refused(f"{found[1]} needs a value", self.prog)
        if found := _CHOICE.fullmatch(message):
            return _refused(
                f'{found[1]}: "{found[2]}" is not known', self.prog, f"one of {found[3].replace(chr(39), '')}"
            )
        if (found := _INVALID.fullmatch(message)) and found[2] in _WANTED:
            wrong, remedy = _WANTED[found[2]]
            return _refused(f'{found[1]}: "{found[3]}" is {wrong}', self.prog, remedy)
        message, _, remedy = message.removeprefix("argument ").rpartition(": ")
        return _refused(message or remedy, self.prog, remedy if message else "")


def _unknown_option(option: str, known: Sequence[str], command: str) -> CommandError:
    return _refused(f"{option} is no option of `{command}`", command, _nearest(option, known))


def _bad_value(error: Any, command: str) -> CommandError:
    name, detail = _named(error.param), _detail(error.__cause__)
    given = f'"{detail["input"]}"' if "input" in detail else "the value"
    kind, limits = str(detail.get("type", "")), detail.get("ctx", {})
    if kind == "greater_than_equal":
        return _refused(f"{name}: {given} is less than {limits['ge']}", command, f"write {limits['ge']} or more")
    if kind == "less_than_equal":
        return _refused(f"{name}: {given} is more than {limits['le']}", command, f"write {limits['le']} or less")
    if (wanted := kind.partition("_")[0]) in _WANTED:
        wrong, remedy = _WANTED[wanted]
        return _refused(f"{name}: {given} is {wrong}", command, remedy)
    said = str(error.message).removeprefix("Value error, ").rstrip(".")
    if found := re.fullmatch(r"'(.*)' is not one of (.*)", said, re.DOTALL):
        return _refused(f'{name}: "{found[1]}" is not known', command, f"one of {found[2].replace(chr(39), '')}")
    return _refused(f"{name}: {said}", command)


def _detail(cause: Any) -> dict[str, Any]:
    found: list[dict[str, Any]] = cause.errors() if hasattr(cause, "errors") else []
    return found[0] if found else {}


def _named(parameter: Any) -> str:
    """An option by its longest name, an argument by what it is called in the usage."""
    if parameter is None:
        return "an argument"
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name).strip("{}[].").upper()


def _options(context: Any) -> list[str]:
    parameters = context.command.params if context is not None else ()
    return [name for one in parameters for name in one.opts if name.startswith("-")]


def _nearest(given: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(given, known, n=1)
    return f"did you mean {close[0]}?" if close else ""


def _refused(message: str, command: str, remedy: str = "") -> CommandError:
    see = f"`{command} --help` tells what it takes"
    return CommandError(Exit.USAGE, message, f"{remedy} {see}" if remedy.endswith("?") else remedy or see)
