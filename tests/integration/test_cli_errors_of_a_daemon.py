"""What a daemon refuses, in the words of the command that asked."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from monitor.cli.exits import Exit
from monitor.cli.verbs import command_line
from tests.support.daemon_process import DaemonProcess

CONFIGURATION = """
host: {enabled: false}
rules: {shipped: false}
checks: [{name: beat, heartbeat: {period: 1d, grace: 1h}}]
receivers: [{name: default, console_configs: [{}], slack_configs: [{api_url: "http://127.0.0.1:1/x"}]}]
web:
  listen: "127.0.0.1:0"
  tokens: {ops: {token: s3cret-token-0123456789, role: admin}}
  trust_local: true
"""
REFUSED = (
    ("silence add A -c why --for 3h --start 2020-01-01T00:00:00Z", 2, "it would be over already: give --for 2h"),
    ("silence add A -c why --remind-before xx", 2, "nobody would hear a reminder: name a receiver"),
    ("silence expire nope", 5, "no silence nope: `watchkeeper silence query` lists those that there are"),
    (
        "maintenance add m A --cron 99_*_*_*_* --for 1h",
        2,
        '--cron: "99 * * * *" is no cron expression: the minute "99" is not understood: write 0 to 59, as 30 or */15',
    ),
    ("maintenance add m A --cron 0_2_*_*_*", 2, "--cron: has no length: give --for, such as 2h"),
    ("maintenance add m A --start xx --for 1h", 2, '--start: "xx" is no instant: write it as'),
    ("maintenance add m A --start 2026-01-31_22:00 --for 1h", 2, "has no zone: write it as"),
    ("maintenance add m A --start 2026-01-31_22:00 --for 1h", 2, "or name --zone"),
    ("maintenance add m A --zone Mars --for 1h", 2, "--zone: unknown time zone Mars: write it as Europe/Berlin"),
    (
        "maintenance add m A",
        2,
        "it needs --start and --end: give both, as 2026-01-31T22:00:00+01:00, or --start with --for",
    ),
    ("maintenance add m A --for xx", 2, '--for must be a duration: not a valid duration string: "xx": give --for 1h'),
    ("maintenance add m A --for 1h --announce-before 1h", 2, "--announce-before: is heard by nobody: name a receiver"),
    ("maintenance end nope", 5, 'no maintenance window is named "nope"'),
    ("incidents snooze 1 --for xx", 2, '--for must be a duration: not a valid duration string: "xx": give --for 1h'),
    ("query sum(", 2, "EXPR: 1:5: parse error: unclosed left parenthesis"),
    ("query up --time xx", 2, '--time: cannot parse "xx" to a valid timestamp'),
    ("why a=~(", 2, "ALERT: error parsing regexp"),
    ("receivers test nobody", 5, 'no receiver is named "nobody"; there are: default'),
    ("receivers test default --template bogus=x", 2, 'no integration has an option "bogus" that is a template'),
    ("receivers test default --template bogus=x", 2, "of console: none; slack: actions, callback_id, channel"),
    ("status --token-file wrong", 4, "the token or password that was given is none of the daemon's, or has changed"),
)


async def test_each_refusal_names_the_option_and_what_would_be_right(tmp_path: Path) -> None:
    """A table of commands that cannot succeed; an underscore stands for a space within a word."""
    (tmp_path / "watchkeeper.yml").write_text(CONFIGURATION)
    (tmp_path / "wrong").write_text("another-token")
    daemon = DaemonProcess(tmp_path, tmp_path / "watchkeeper.yml")
    await daemon.start()
    try:
        for command, code, said in REFUSED:
            ended, output = await daemon.command(*(word.replace("_", " ") for word in command.split()))
            assert said in output, f"{command}: {output}"
            assert ended == code, f"{command}: {ended} {output}"
    finally:
        await daemon.end()


class _Another(BaseHTTPRequestHandler):
    """What answers where a daemon was looked for."""

    status = 200
    body = "<html>another</html>"

    def do_GET(self) -> None:
        content = self.body.encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.mark.parametrize(
    ("status", "body", "code", "said"),
    [
        (200, "<html>another</html>", Exit.UNREACHABLE, "is no Watchkeeper: is something else listening there?"),
        (
            404,
            json.dumps({"error": {"code": "not_found", "message": "there is nothing at /api/x", "remedy": ""}}),
            Exit.NOT_FOUND,
            "does not know this command: it may be of another version than this command",
        ),
        (
            401,
            "Unauthorized\n",
            Exit.REFUSED,
            "Unauthorized: give a token of the daemon's (web.tokens) with --token-file",
        ),
    ],
    ids=["another program", "an older daemon", "a password"],
)
def test_what_answers_may_be_no_such_daemon(
    status: int, body: str, code: Exit, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another program, a daemon of another version, one that wants to know who asks."""
    handler = type("Handler", (_Another,), {"status": status, "body": body})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.handle_request)
        serving.start()
        ended = command_line(["audit", "--url", f"http://127.0.0.1:{server.server_port}"])
        serving.join()
    assert said in capsys.readouterr().err
    assert ended == code


def test_a_user_of_web_yml_is_named_in_the_url_and_shown_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong password is said as that."""
    given: list[str | None] = []

    class Handler(_Another):
        status, body = 401, "Unauthorized\n"

        def do_GET(self) -> None:
            given.append(self.headers["Authorization"])
            super().do_GET()

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.handle_request)
        serving.start()
        ended = command_line(["audit", "--url", f"http://ana:p%40ss@127.0.0.1:{server.server_port}"])
        serving.join()
    shown = capsys.readouterr().err
    assert ended == Exit.REFUSED
    assert "Unauthorized: the token or password that was given is none of the daemon's, or has changed" in shown
    assert command_line(["audit", "--url", "http://ana:p%40ss@127.0.0.1:1"]) == Exit.UNREACHABLE
    shown += capsys.readouterr().err
    assert "p%40ss" not in shown and "no daemon answers at http://127.0.0.1:1:" in shown
    assert given == [f"Basic {base64.b64encode(b'ana:p@ss').decode()}"]
