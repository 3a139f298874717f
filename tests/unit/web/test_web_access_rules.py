"""Who a caller is and what they may do, from headers alone."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from monitor.config.configuration import Token
from monitor.model.errors import AccessError
from monitor.model.incidents import Door
from monitor.notify.kinds.secret import SecretSource
from monitor.web.access import (
    Caller,
    Place,
    Role,
    UnidentifiedError,
    admit,
    check_host,
    check_origin,
    identify,
)
from monitor.web.answers import refusal_of, refused
from monitor.web.routes import Dialect

TOKENS = (
    Token(name="a", secret=SecretSource("alpha-secret"), person="ana", role="admin"),
    Token(name="v", secret=SecretSource("view-secret"), person="vi", role="viewer"),
)
LOCAL = Place(loopback=True, tokens=TOKENS, external_url="https://watch.example.com")
OPEN = Place(loopback=False, tokens=TOKENS)
CLOSED = Place(loopback=False, tokens=TOKENS, read_needs_token=True)


def basic(password: str) -> str:
    return f"Basic {base64.b64encode(f'anybody:{password}'.encode()).decode()}"


@pytest.mark.parametrize(
    ("headers", "place", "name", "role", "known"),
    [
        ({"Host": "localhost:9797"}, LOCAL, "local", Role.ADMIN, True),
        ({"Host": "127.0.0.1:9797", "X-Watchkeeper-Person": "ana"}, LOCAL, "ana", Role.ADMIN, True),
        ({"Host": "[::1]:9797"}, LOCAL, "local", Role.ADMIN, True),
        ({"Host": "watch.example.com"}, LOCAL, "anonymous", Role.VIEWER, False),
        ({"Host": "localhost", "X-Forwarded-For": "10.0.0.9"}, LOCAL, "anonymous", Role.VIEWER, False),
        ({"Host": "localhost", "Authorization": "Bearer view-secret"}, LOCAL, "vi", Role.VIEWER, True),
        ({"Host": "x"}, OPEN, "anonymous", Role.VIEWER, False),
        ({"Host": "x"}, CLOSED, "anonymous", Role.NOBODY, False),
        ({"Host": "x", "X-Watchkeeper-Person": "ana"}, OPEN, "anonymous", Role.VIEWER, False),
        ({"Host": "x", "Authorization": "Bearer alpha-secret"}, OPEN, "ana", Role.ADMIN, True),
        ({"Host": "x", "Authorization": "bearer  alpha-secret "}, OPEN, "ana", Role.ADMIN, True),
        ({"Host": "x", "Authorization": basic("alpha-secret")}, OPEN, "ana", Role.ADMIN, True),
    ],
)
def test_a_caller_is_known_by_token_or_by_being_here(
    headers: dict[str, str], place: Place, name: str, role: Role, known: bool
) -> None:
    """Only a direct call by a loopback name is local; a proxy in front makes callers strangers."""
    assert identify(headers, place, Door.API) == Caller(name=name, role=role, door=Door.API, known=known)


@pytest.mark.parametrize(
    "given",
    [
        "Bearer wrong",
        "Bearer ",
        "Bearer \udcff",
        "Basic !!!",
        "Basic é",
        "Basic \udcff",
        "Basic /w==",
        "Digest x",
        "alpha-secret",
        basic("wrong"),
    ],
)
def test_credentials_that_are_not_ours_are_refused_even_at_home(given: str) -> None:
    """Whoever sends a wrong token is not taken for somebody else."""
    with pytest.raises(UnidentifiedError):
        identify({"Host": "localhost", "Authorization": given}, LOCAL, Door.API)


@pytest.mark.parametrize("origin", ["http://[", "http://a]", "http://\u2100"])
def test_an_origin_that_is_no_address_is_a_foreign_one(origin: str) -> None:
    """What cannot be read is not ours."""
    with pytest.raises(AccessError):
        check_origin({"Host": "localhost", "Origin": origin}, LOCAL)


@pytest.mark.parametrize("dialect", list(Dialect))
def test_a_refusal_may_repeat_bytes_that_are_no_text(dialect: Dialect) -> None:
    """A header may hold any byte; the answer is text all the same."""
    with pytest.raises(AccessError) as raised:
        check_host({"Host": "\udcff.evil.example"}, OPEN)
    answer = refused(refusal_of(raised.value), dialect)
    assert answer.status == 403
    assert isinstance(answer.body, bytes)
    assert "\ufffd.evil.example".encode() in answer.body


def test_a_secret_file_is_read_at_each_call(tmp_path: Path) -> None:
    """A token that is replaced works at once, and one whose file is gone opens nothing."""
    path = tmp_path / "token"
    place = Place(
        loopback=False, tokens=(Token(name="f", secret=SecretSource.file(str(path)), person="bo", role="responder"),)
    )
    headers = {"Authorization": "Bearer second"}
    for text in (None, "first\n", ""):
        if text is not None:
            path.write_text(text, encoding="utf-8")
        with pytest.raises(UnidentifiedError):
            identify(headers, place, Door.API)
    path.write_text("second\n", encoding="utf-8")
    assert identify(headers, place, Door.API).name == "bo"


def test_the_command_line_is_a_door_of_its_own() -> None:
    """It says so itself."""
    caller = identify({"Host": "localhost", "X-Watchkeeper-Door": "cli"}, LOCAL, Door.API)
    assert caller.actor.door is Door.CLI


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("needed", list(Role))
def test_each_role_includes_those_below(role: Role, needed: Role) -> None:
    """viewer < responder < admin."""
    order = list(Role)
    caller = Caller(name="x", role=role, door=Door.API, known=True)
    if order.index(role) >= order.index(needed):
        admit(caller, needed, changes=True)
    else:
        with pytest.raises(AccessError) as raised:
            admit(caller, needed, changes=True)
        assert not isinstance(raised.value, UnidentifiedError)


def test_strangers_change_nothing() -> None:
    """Not even what a viewer's token may (heartbeats)."""
    stranger = identify({"Host": "x"}, OPEN, Door.API)
    admit(stranger, Role.VIEWER, changes=False)
    with pytest.raises(UnidentifiedError):
        admit(stranger, Role.VIEWER, changes=True)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.1.9:9797"]
)
def test_foreign_names_do_not_lead_to_a_loopback_listener(host: str) -> None:
    """A name that somebody else pointed at 127.0.0.1 is an attack."""
    with pytest.raises(AccessError):
        check_host({"Host": host}, LOCAL)
    check_host({"Host": host}, CLOSED)


@pytest.mark.parametrize(
    ("host", "fine"),
    [
        ("192.168.1.9:9797", True),
        ("[fe80::9]:9797", True),
        ("localhost:9797", True),
        ("watchkeeper:9797", True),
        ("pager.corp.example", True),
        ("PAGER.local:9797", True),
        ("watch.example.com", True),
        ("", True),
        ("evil.example", False),
        ("evil.example:9797", False),
        ("192.168.1.9.evil.example", False),
        ("corp.example", False),
    ],
)
def test_a_listener_in_a_network_answers_strangers_by_names_that_no_stranger_can_give(host: str, fine: bool) -> None:
    """Else a page could read everything through the browser of somebody in the network; with a token any name will do."""
    place = Place(loopback=False, external_url="https://watch.example.com", machine="Pager.corp.example")
    if fine:
        check_host({"Host": host}, place)
    else:
        with pytest.raises(AccessError, match="is not ours"):
            check_host({"Host": host}, place)
    check_host({"Host": host, "Authorization": "Bearer x"}, place)


def test_nobody_is_local_where_being_here_means_nothing() -> None:
    """A reverse proxy on the machine calls by a loopback name and need not say for whom."""
    place = Place(loopback=True, tokens=TOKENS, trust_local=False)
    headers = {"Host": "127.0.0.1:9797", "X-Watchkeeper-Person": "ana"}
    assert identify(headers, place, Door.API) == Caller(name="anonymous", role=Role.VIEWER, door=Door.API, known=False)
    assert identify({**headers, "Authorization": "Bearer alpha-secret"}, place, Door.API).role is Role.ADMIN


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:9797", "127.0.0.1:9797", "127.8.9.1", "[::1]:80", "watch.example.com", "", "a.localhost"],
)
def test_our_own_names_do(host: str) -> None:
    """Loopback names and the host of external_url."""
    check_host({"Host": host}, LOCAL)


@pytest.mark.parametrize(
    ("headers", "fine"),
    [
        ({"Host": "localhost:1"}, True),
        ({"Host": "localhost:1", "Origin": "http://localhost:1"}, True),
        ({"Host": "localhost:1", "Origin": "https://watch.example.com"}, True),
        ({"Host": "localhost:1", "Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:1"}, True),
        ({"Host": "localhost:1", "Sec-Fetch-Site": "none"}, True),
        ({"Host": "localhost:1", "Origin": "http://localhost:2"}, False),
        ({"Host": "localhost:1", "Origin": "https://evil.example"}, False),
        ({"Host": "localhost:1", "Origin": "null"}, False),
        ({"Host": "localhost:1", "Referer": "http://localhost:1/checks/a"}, True),
        ({"Host": "localhost:1", "Referer": "http://evil.example/"}, False),
        ({"Host": "localhost:1", "Sec-Fetch-Site": "cross-site"}, False),
        ({"Host": "localhost:1", "Sec-Fetch-Site": "same-site", "Origin": "http://localhost:2"}, False),
    ],
)
def test_pages_of_other_sites_send_nothing(headers: dict[str, str], fine: bool) -> None:
    """What a browser says of the sender decides; programs say nothing."""
    if fine:
        check_origin(headers, LOCAL)
    else:
        with pytest.raises(AccessError):
            check_origin(headers, LOCAL)
