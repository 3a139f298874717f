"""What a daemon refuses, in the words of the command that asked."""

from __future__ import annotations

from pathlib import Path

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
    ("status --token-file wrong", 4, "the token that was given is none of the daemon's (web.tokens), or has changed"),
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
