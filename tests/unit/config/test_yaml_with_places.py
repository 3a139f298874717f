"""YAML as go-yaml reads it, with the line of everything."""

from __future__ import annotations

import pytest

from monitor.config.yamltree import natural, path_text, read
from monitor.model.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("17:00", "17:00"),
        ("yes", "yes"),
        ("true", True),
        ("017", 15),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", 1000),
        ("1e3", 1000.0),
        ("~", None),
        ("'5'", "5"),
        ("2026-11-23", "2026-11-23"),
        ("-.inf", float("-inf")),
    ],
)
def test_a_scalar_means_what_it_means_to_go_yaml(text: str, value: object) -> None:
    """No sexagesimal numbers, no yes-and-no booleans, no dates; octal by a leading zero."""
    assert natural(read(f"key: {text}\n", "f").tree) == {"key": value}


def test_every_path_has_its_line() -> None:
    """Keys and list items are found again by their path."""
    document = read("a: 1\nb:\n  - x\n  - c: 2\n", "f.yml")
    assert document.line(("b", 1, "c")) == 4
    assert document.line(("b", 1, "missing")) == 4
    assert path_text(("b", 1, "c")) == "b[1].c"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 'mapping key "a" already defined'),
        ("a: [1\n", 2, "did not find expected"),
        ("? [x]\n: 2\n", 1, "plain text"),
        ("a: &a [*a]\n", 0, ""),
    ],
)
def test_what_cannot_be_trusted_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    """Equal keys, broken syntax, keys that are no texts, and documents that contain themselves."""
    with pytest.raises(ConfigError) as caught:
        read(text, "f.yml")
    (finding,) = caught.value.findings
    assert words in finding.problem
    if line:
        assert finding.line == line


def test_an_alias_bomb_is_refused() -> None:
    """Nine levels of nine references must not become a billion nodes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(ConfigError, match="excessive aliasing"):
        read("\n".join(lines), "bomb.yml")


def test_merge_keys_are_understood_and_own_keys_win() -> None:
    """`<<` copies what is not said."""
    assert natural(read("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\n", "f").tree) == {
        "a": {"p": 1, "q": 2},
        "b": {"p": 1, "q": 3},
    }
