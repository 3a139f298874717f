"""What Alertmanager's callers write, as Go's own readers take it: addresses, instants, and what is no JSON."""

from __future__ import annotations

import gc
import json
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.times import LAST_INSTANT, parse_rfc3339
from monitor.web.alertmanager.go_json import first_value, text_of
from monitor.web.alertmanager.instants import NO_TIME, instant, nanos
from monitor.web.alertmanager.uris import is_request_uri


class Text(str):
    """A text whose end can be seen."""


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "/a",
        "//a",
        "/%41",
        "a:",
        "a:b",
        "a:%zz",
        "http:",
        "http:/",
        "http://",
        "http:///x",
        "http://a:80/",
        "http://a:",
        "http://a:80:90/",
        "http://::1/",
        "http://[::1]:80/",
        "http://[::1]",
        "http://[fe80::1%25en0]/",
        "http://[fe80::1%25%41]/",
        "http://[]/",
        "http://%25/",
        "http://%e4/",
        "http://ä/",
        'http://a"b/',
        "http://a<b/",
        "http://u:p@a/",
        "http://u%41@a/",
        "http://@/",
        "http://a/#%41",
        "http://a/?%zz",
        "/?%zz",
        "x+y-z.1:q",
        "a:?b",
    ],
)
def test_addresses(text: str) -> None:
    """Go takes them."""
    assert is_request_uri(text)


@pytest.mark.parametrize(
    "text",
    [
        *[
            "a",
            "a/b",
            "?x",
            "#x",
            "%zz",
            "/%zz",
            "1a:b",
            ":a",
            "x_y:q",
            "ä:b",
            "http://%zz",
            "http://%41",
            "http://a%zz/",
            "http://a/%zz",
            "http://a#%zz",
            "http://a|b/",
            "http://[::1",
            "http://[::1]x/",
            "http://[fe80::1%en0]/",
            "http://[fe80::1%25%zz]/",
            "http://[fe80::1%25%2f]/",
            "http://[::%31]/",
            "http://a:x/",
            "http://a:80a/",
            "http://a:٣/",
            "http://u%zz@a/",
            "http://us[er@a/",
            "http://ü@a/",
            "http://a\\b/",
            "x:/%zz",
            "x:///%zz",
        ],
        "",
        "http://a b/",
        "http://a/\x00",
        "http://a/\x7f",
    ],
)
def test_what_is_no_address(text: str) -> None:
    """Go refuses them."""
    assert not is_request_uri(text)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00.5Z"),
        ("2026-01-01T00:00:00,5", "2026-01-01T00:00:00.5Z"),
        ("2026-01-01T1:00:00Z", "2026-01-01T01:00:00Z"),
        ("2026-01-01T00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00", "2026-01-01T00:00:00Z"),
        ("2026-01-01 1:02:03,25", "2026-01-01T01:02:03.25Z"),
        ("2026-01-01", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00.125+0130", "2025-12-31T22:30:00.125Z"),
        ("2026-01-01T00:00:00.125000-0130", "2026-01-01T01:30:00.125Z"),
        ("2026-01-01T00:00:00+24:00", "2025-12-31T00:00:00Z"),
        ("2026-01-01T00:00:00+10:60", "2025-12-31T13:00:00Z"),
        ("2026-01-01T00:00:00.1239999999999Z", "2026-01-01T00:00:00.123Z"),
        ("9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59.999Z"),
        ("0000-02-29T00:00:00Z", "0001-01-01T00:00:00.001Z"),
        ("0001-01-01T00:00:00+01:00", "0001-01-01T00:00:00.001Z"),
        ("0001-01-01T00:00:00.0000001Z", "0001-01-01T00:00:00.001Z"),
    ],
)
def test_instants(text: str, same: str) -> None:
    """What lies outside our calendar is the nearest that lies within."""
    assert instant(text) == parse_rfc3339(same)


def test_long_texts_of_strangers_are_not_kept() -> None:
    """They are judged as short ones are, and forgotten: a caller may send megabytes."""
    short, long = Text("http://h/"), Text("http://h/" + "a" * 300)
    second, fine = Text("2026-01-01T00:00:00Z"), Text(f"2026-01-01T00:00:00.{'0' * 300}Z")
    kept = [weakref.ref(one) for one in (short, long, second, fine)]
    assert is_request_uri(short) and is_request_uri(long) and instant(second) == instant(fine)
    del short, long, second, fine
    gc.collect()
    assert [one() is not None for one in kept] == [True, False, True, False]


def test_the_ends_of_the_calendar() -> None:
    """Only what Go calls zero is no time."""
    assert instant("0001-01-01T00:00:00Z") == instant("0001-01-01") == NO_TIME
    assert instant("9999-12-31T23:59:59.9999999Z") == LAST_INSTANT
    assert nanos("2026-01-01T00:00:00.123456789Z") == 456789
    assert nanos("2026-01-01T00:00:00,1234Z") == 400000
    assert nanos("2026-01-01") == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("soon", ' as "2006-01-02": cannot parse "soon" as "2006"'),
        ("2026", ' as "2006-01-02": cannot parse "" as "-"'),
        ("2026-1-1", ' as "2006-01-02": cannot parse "1-1" as "01"'),
        ("10000-01-01T00:00:00Z", ' as "2006-01-02": cannot parse "0-01-01T00:00:00Z" as "-"'),
        ("2026-13-01T00:00:00Z", ": month out of range"),
        ("2026-02-30", ": day out of range"),
        ("2026-01-01T24:00:00Z", ': extra text: "T24:00:00Z"'),
        ("2026-01-01t00:00:00Z", ': extra text: "t00:00:00Z"'),
        ("2026-01-01 00:00:00Z", ': extra text: " 00:00:00Z"'),
        ("2026-01-01T00:00:00+0100", ': extra text: "T00:00:00+0100"'),
        ("2026-01-01T00:00:00+25:00", ': extra text: "T00:00:00+25:00"'),
        ("2026-01-01T00:00:00+10:75", ': extra text: "T00:00:00+10:75"'),
        ('2026-01-01"é', ': extra text: "\\"\\xc3\\xa9"'),
    ],
)
def test_what_is_no_instant(text: str, why: str) -> None:
    """Go's words for the last of the forms that it tries."""
    with pytest.raises(ValueError, match="parsing time") as caught:
        instant(text)
    assert str(caught.value).removeprefix('parsing time "').partition('"')[2].endswith(why)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"[", "unexpected EOF"),
        (b'"a', "unexpected EOF"),
        (b"tru", "unexpected EOF"),
        (b"]", "invalid character ']' looking for beginning of value"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b"[+1]", "invalid character '+' looking for beginning of value"),
        (b"NaN", "invalid character 'N' looking for beginning of value"),
        (b"\xef\xbb\xbf[]", "invalid character '\u00ef' looking for beginning of value"),
        (b"\x80", "invalid character '\\u0080' looking for beginning of value"),
        (b"'a'", "invalid character '\\'' looking for beginning of value"),
        (b"[-]", "invalid character ']' in numeric literal"),
        (b"[1.]", "invalid character ']' after decimal point in numeric literal"),
        (b"[1.5.]", "invalid character '.' after array element"),
        (b"[1e+]", "invalid character ']' in exponent of numeric literal"),
        (b"[01]", "invalid character '1' after array element"),
        (b"[nil]", "invalid character 'i' in literal null (expecting 'u')"),
        (b'["\\x"]', "invalid character 'x' in string escape code"),
        (b'["\\u12"]', "invalid character '\"' in \\u hexadecimal character escape"),
        (b'["a\nb"]', "invalid character '\\n' in string literal"),
        (b'{"a"}', "invalid character '}' after object key"),
        (b'{"a":1 "b"', "invalid character '\"' after object key:value pair"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b"{a:1}", "invalid character 'a' looking for beginning of object key string"),
        (b"[" * 10_001, "invalid character '[' exceeded max depth"),
    ],
)
def test_what_is_no_json(sent: bytes, why: str) -> None:
    """The first character at which it ends to be one, byte by byte."""
    with pytest.raises(ValueError, match=r"^(?:invalid character|unexpected EOF)") as caught:
        first_value(sent)
    assert str(caught.value) == why


_JSON = st.recursive(
    st.none() | st.booleans() | st.text() | st.just(0),
    lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    max_leaves=8,
)


@given(_JSON, st.booleans(), st.sampled_from(["", " x", "]"]))
def test_json_is_read_as_python_reads_it(document: object, plain: bool, after: str) -> None:
    """But for numbers, of which nobody asks the value."""
    sent = json.dumps(document, ensure_ascii=plain, indent=1 if plain else None) + after
    assert first_value(sent.encode()) == document


@pytest.mark.parametrize(
    ("raw", "text"),
    [(b"a\xe2\x82b", "a\ufffd\ufffdb"), (b"\xf0\x9f\x98", "\ufffd" * 3), (b"\xed\xa0\x80", "\ufffd" * 3)],
)
def test_each_byte_that_is_no_text_is_replaced(raw: bytes, text: str) -> None:
    """As Go counts them."""
    assert text_of(raw) == text
    assert first_value(b'"' + raw + b'"') == text
