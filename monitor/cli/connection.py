"""Speaking to the daemon: plain HTTP from the standard library, errors as sentences with exit codes."""

from __future__ import annotations

import base64
import getpass
import http.client
import json
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, cast
from urllib.parse import SplitResult, unquote, urlencode, urlsplit, urlunsplit

from monitor.cli.exits import CommandError, Exit
from monitor.cli.option_words import spoken, spoken_remedy

DEFAULT_URL: Final = "http://127.0.0.1:9797"
OWN: Final = "/api/watchkeeper/v1"
_TIMEOUT_SECONDS: Final = 60.0
_UNKNOWN_PATH: Final = re.compile(r"there is nothing at /|/\S* answers [A-Z]")
_EXIT_OF_STATUS: Final = {
    400: Exit.USAGE,
    401: Exit.REFUSED,
    403: Exit.REFUSED,
    404: Exit.NOT_FOUND,
    409: Exit.REFUSED,
    422: Exit.FINDINGS,
}


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, whatever its status."""

    status: int
    document: Any
    """The JSON body, or its text where it is none."""


Json: TypeAlias = dict[str, Any]


def fields(value: object) -> Json:
    """A JSON object; anything else is an empty one."""
    return cast("Json", value) if isinstance(value, dict) else {}


def rows(value: object) -> list[Json]:
    """A list of JSON objects; anything else is an empty one."""
    return [fields(one) for one in cast("list[object]", value)] if isinstance(value, list) else []


class Daemon:
    """The daemon at an address. Every call raises CommandError."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        timeout: float = _TIMEOUT_SECONDS,
        person: str = "",
        words: Mapping[str, str] | None = None,
    ) -> None:
        """`url` may name a user with a password, which no message shows. `person` acts; whoever sits at the keyboard if none is
        named. A token says better who it is. `words`: which option gives which field of the API (see `option_words`)."""
        self.url = url.rstrip("/")
        self.person = person or _at_the_keyboard()
        self._words = words or {}
        self._timeout = timeout
        try:
            parts = urlsplit(self.url)
            host, port = parts.hostname, parts.port
        except ValueError:  # a port that is no number, or an unclosed bracket
            parts, host, port = urlsplit(""), None, None
        if parts.scheme not in ("http", "https") or not host:
            shown = url.rpartition("@")[2]
            raise CommandError(Exit.USAGE, f'"{shown}" is no address of a daemon', f"write it as {DEFAULT_URL}")
        self._authorization = f"Bearer {token}" if token else _basic(parts)
        self.url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).rstrip("/")
        self._host, self._port, self._secure = host, port, parts.scheme == "https"
        self._prefix = parts.path.rstrip("/")

    def __repr__(self) -> str:
        return f"Daemon({self.url}, {'with' if self._authorization else 'without'} credentials)"

    def get(self, path: str, **query: object) -> Json:
        """The document at this path."""
        asked = {name: value for name, value in query.items() if value not in (None, "")}
        return self._good(self.ask("GET", f"{path}?{urlencode(asked)}" if asked else path))

    def post(self, path: str, body: Mapping[str, object] | None = None) -> Json:
        """Change something."""
        return self._good(self.ask("POST", path, {} if body is None else body))

    def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        """What a call is answered that need not answer with an object."""
        answer = self.ask(method, path, body)
        if answer.status >= 400:
            raise self._refusal(answer)
        return answer.document

    def ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Answered:
        """One call; raises only when nothing answers."""
        headers = {"Accept": "application/json", "X-Watchkeeper-Door": "cli", "X-Watchkeeper-Person": self.person}
        if self._authorization:
            headers["Authorization"] = self._authorization
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        connection = self._connection()
        try:
            connection.request(method, self._prefix + path, content, headers)
            response = connection.getresponse()
            return Answered(response.status, _document(response.read()))
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            remedy = "start it with `watchkeeper run`, or say where it is with --url (WATCHKEEPER_URL)"
            raise CommandError(Exit.UNREACHABLE, f"no daemon answers at {self.url}: {why}", remedy) from error
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)

    def _good(self, answer: Answered) -> Json:
        document: object = answer.document
        if answer.status < 400 and isinstance(document, dict):
            return fields(cast("object", document))
        if answer.status < 400:
            remedy = "is something else listening there?"
            raise CommandError(Exit.UNREACHABLE, f"what answers at {self.url} is no Watchkeeper", remedy)
        raise self._refusal(answer)

    def _refusal(self, answer: Answered) -> CommandError:
        code = _EXIT_OF_STATUS.get(answer.status, Exit.FAILED)
        message, remedy = _said(answer)
        if answer.status == 401:
            remedy = (
                "the token or password that was given is none of the daemon's, or has changed"
                if self._authorization
                else "give a token of the daemon's (web.tokens) with --token-file (WATCHKEEPER_TOKEN_FILE), or a user of its "
                "web.yml in WATCHKEEPER_URL, as http://USER:PASSWORD@HOST:PORT"
            )
        if answer.status in (404, 405) and _UNKNOWN_PATH.match(message):
            message = f"the daemon at {self.url} does not know this command"
            remedy = "it may be of another version than this command: `watchkeeper status` tells which"
        return CommandError(code, spoken(message, self._words), spoken_remedy(remedy, self._words))


def _basic(parts: SplitResult) -> str:
    """The header of a user whom the URL names; empty if it names none."""
    if not parts.username:
        return ""
    credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"


def read_token(file: str) -> str:
    """The token of this file, or of WATCHKEEPER_TOKEN. Raises CommandError."""
    if not file:
        return os.environ.get("WATCHKEEPER_TOKEN", "").strip()
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        remedy = "name a file that holds the token: --token-file (WATCHKEEPER_TOKEN_FILE)"
        raise CommandError(Exit.USAGE, f"the token file {file} cannot be read: {reason}", remedy) from error


def _at_the_keyboard() -> str:
    """A local daemon takes our word for it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _document(body: bytes) -> Any:
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _said(answer: Answered) -> tuple[str, str]:
    """Message and remedy of an error, in our own form, in Prometheus's, in Alertmanager's, or as text."""
    document = answer.document
    if isinstance(document, str):
        return document.strip()[:500] or f"status {answer.status}", ""
    error = fields(document).get("error")
    if isinstance(error, dict):
        said = fields(cast("object", error))
        return str(said.get("message", "")) or f"status {answer.status}", str(said.get("remedy") or "")
    return str(error or fields(document).get("message") or f"status {answer.status}"), ""
