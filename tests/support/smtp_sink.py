"""A mail server that keeps what it is given, and misbehaves on demand."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

import trustme

from tests.support.farewell import farewell


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail as it arrived."""

    sender: str
    to: tuple[str, ...]
    content: EmailMessage
    tls: bool
    login: str


@dataclass
class SmtpSink:
    """The server's script and memory."""

    offers_tls: bool = True
    users: dict[str, str] = field(default_factory=dict[str, str])
    """User names and passwords; empty: no login is offered."""
    replies: dict[str, str] = field(default_factory=dict[str, str])
    """By verb (`RCPT`, `BODY` for the end of the data): the reply to give instead, or `drop` or `hang`. `BODY` with drop
    or hang takes the mail in first."""
    mails: list[Mail] = field(default_factory=list[Mail])
    authority: trustme.CA = field(default_factory=trustme.CA)
    port: int = 0

    def trust(self) -> ssl.SSLContext:
        """A client context that trusts the sink's certificate."""
        return ssl.create_default_context(cadata=self.authority.cert_pem.bytes().decode())

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with self.authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.tempfile() as path:
            context.load_cert_chain(path)
        return context


@asynccontextmanager
async def running_sink(*, implicit_tls: bool = False) -> AsyncGenerator[SmtpSink]:
    """The sink on loopback."""
    sink = SmtpSink()
    context = sink.context()
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        talks.add(task)
        try:
            await _Talk(sink, reader, writer, context, tls=implicit_tls).run()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            talks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context if implicit_tls else None)
    sink.port = cast("int", server.sockets[0].getsockname()[1])
    try:
        yield sink
    finally:
        server.close()
        for task in list(talks):
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await farewell([sink.port])


class _Talk:
    def __init__(
        self,
        sink: SmtpSink,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        context: ssl.SSLContext,
        *,
        tls: bool,
    ) -> None:
        self._sink = sink
        self._reader = reader
        self._writer = writer
        self._context = context
        self._tls = tls
        self._login = ""
        self._sender = ""
        self._to: list[str] = []

    async def run(self) -> None:
        await self._say("220 sink.test ready")
        while line := (await self._reader.readline()).decode().strip():
            verb, _, rest = line.partition(" ")
            verb = verb.upper()
            scripted = self._sink.replies.get(verb)
            if scripted is not None and verb != "BODY":
                if not await self._misbehave(scripted):
                    return
            elif not await self._obey(verb, rest):
                return

    async def _obey(self, verb: str, rest: str) -> bool:
        match verb:
            case "EHLO" | "HELO":
                extensions = ["sink.test"]
                if self._sink.offers_tls and not self._tls:
                    extensions.append("STARTTLS")
                if self._sink.users:
                    extensions.append("AUTH PLAIN")
                for extension in extensions[:-1]:
                    await self._say(f"250-{extension}")
                await self._say(f"250 {extensions[-1]}")
            case "STARTTLS":
                await self._say("220 go ahead")
                await self._writer.start_tls(self._context)
                self._tls = True
            case "AUTH":
                await self._authenticate(rest)
            case "MAIL":
                self._sender, self._to = _path(rest), []
                await self._say("250 ok")
            case "RCPT":
                self._to.append(_path(rest))
                await self._say("250 ok")
            case "DATA":
                return await self._take_data()
            case "QUIT":
                await self._say("221 bye")
                return False
            case _:
                await self._say("502 not here")
        return True

    async def _authenticate(self, rest: str) -> None:
        _, _, initial = rest.partition(" ")
        _, user, password = base64.b64decode(initial).decode().split("\0")
        if self._sink.users.get(user) == password:
            self._login = user
            await self._say("235 welcome")
        else:
            await self._say(f"535 {user} with {password} is not welcome")

    async def _take_data(self) -> bool:
        await self._say("354 go on")
        lines: list[bytes] = []
        while (line := await self._reader.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        scripted = self._sink.replies.get("BODY")
        if scripted is None or scripted in ("drop", "hang"):
            content = message_from_bytes(b"".join(lines), policy=policy.default)
            self._sink.mails.append(
                Mail(sender=self._sender, to=tuple(self._to), content=content, tls=self._tls, login=self._login)
            )
        if scripted is not None:
            return await self._misbehave(scripted)
        await self._say("250 taken")
        return True

    async def _misbehave(self, scripted: str) -> bool:
        if scripted == "drop":
            return False
        if scripted == "hang":
            await asyncio.Event().wait()
        await self._say(scripted)
        return True

    async def _say(self, line: str) -> None:
        self._writer.write(line.encode() + b"\r\n")
        await self._writer.drain()


def _path(rest: str) -> str:
    return rest[rest.index("<") + 1 : rest.index(">")]
