"""One gateway for many cases: each reloads it with a program of its own, and talks to it over a socket."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import textwrap
from typing import Any, NamedTuple

import yaml
from tests.e2e.world import Client, Reply, Seen, UpstreamServer
from tests.spec.gateway_cases import Case

from policyc.engine.compiler import compile as compile_documents
from policyc.engine.model import Program
from policyc.engine.options import Options
from policyc.grammar.diagnostic import Report
from policyc.grammar.files import read_document
from policyc.grammar.source import Source
from policyc.runtime.gateway import Gateway
from policyc.runtime.observe import Record
from policyc.runtime.settings import Settings

WITHIN_S = 5.0


def octets_of(text: str) -> bytes:
    """Return the octets of a message written with plain newlines."""
    return re.sub("\r?\n", "\r\n", text).encode("utf-8", "surrogateescape")


def answer_of(text: str) -> bytes:
    """Return what an upstream answers: status, field lines, an empty line, the body."""
    head, _, body = text.partition("\n\n")
    status, *lines = head.strip("\n").split("\n")
    names = [line.partition(":")[0].lower() for line in lines]
    if not {"content-length", "transfer-encoding", "connection"} & set(names) and status not in (
        "204",
        "304",
    ):
        lines.append(f"content-length: {len(body.encode())}")
    if "transfer-encoding" in names:
        body = f"{len(body.encode()):x}\r\n{body}\r\n0\r\n\r\n"
    return "\r\n".join([f"HTTP/1.1 {status} OK", *lines, "", body]).encode()


class World:
    """The gateways by settings, the upstreams, and the clock of the rate limits."""

    def __init__(self) -> None:
        self.clock_s = 1000.0
        self.log: list[Record] = []
        self.seen: list[tuple[str, Seen]] = []
        self.answer = b""
        self._names: dict[str, str] = {}
        self._gateways: dict[object, Gateway] = {}
        self._servers: list[UpstreamServer | asyncio.Server] = []

    async def start(self) -> None:
        for name in ("UP", "UP2"):
            server = UpstreamServer(self._recorder(name))
            await server.start()
            self._servers.append(server)
            self._names[name] = server.url
        for name, octets in (("MUTE", b""), ("BAD", b"SSH-2.0-OpenSSH_9.6\r\n\r\n")):
            crude = await asyncio.start_server(_crude(octets), "127.0.0.1", 0)
            self._servers.append(crude)
            self._names[name] = f"http://127.0.0.1:{crude.sockets[0].getsockname()[1]}"
        with socket.create_server(("127.0.0.1", 0)) as closed:
            self._names["DEAD"] = f"http://127.0.0.1:{closed.getsockname()[1]}"

    def _recorder(self, name: str) -> Any:
        def answer(seen: Seen) -> bytes:
            self.seen.append((name, seen._replace(lines=as_text(seen.lines))))
            head, _, _ = self.answer.partition(b"\r\n\r\n")
            return head + b"\r\n\r\n" if seen.method == "HEAD" else self.answer

        return answer

    def named(self, text: str) -> str:
        """Return a text with the addresses of the upstreams in it."""
        return re.sub(r"\b(UP2?|DEAD|MUTE|BAD)\b", lambda m: self._names[m[1]], text)

    async def gateway(self, case: Case) -> Gateway:
        """Return a gateway that runs the program of a case, and nothing of the cases before it."""
        self.log.clear()
        self.seen.clear()
        self.answer = answer_of(case.text("upstream") or "200\ncontent-type: text/plain\n\nok")
        program = self.program(case)
        bare = "bare" in case.group
        settings = case.group.get("settings") or {}
        if bare:
            gateway = self._make(program, settings, self.named("UP"))
            self._gateways[case.id] = gateway
            await gateway.start("127.0.0.1", 0)
            return gateway
        key = json.dumps(settings, sort_keys=True)
        kept = self._gateways.get(key)
        if kept is None:
            kept = self._gateways[key] = self._make(program, settings, None)
            await kept.start("127.0.0.1", 0)
        else:
            kept.reload(program)
        return kept

    def _make(self, program: Program, settings: dict[str, Any], upstream: str | None) -> Gateway:
        given: dict[str, Any] = {"seed": 1, **settings}
        for name, value in settings.items():
            given[name] = tuple(value) if isinstance(value, list) else value
        return Gateway(
            program, Settings(**given), upstream=upstream, log=self.log.append,
            clock=lambda: self.clock_s,
        )  # fmt: skip

    def program(self, case: Case) -> Program:
        """Compile what a case runs."""
        report = Report()
        documents = [
            read_document(Source(f"{case.id}{ending}", self.named(text)), report)
            for ending, text in sources_of(case)
        ]
        return compile_documents(documents, Options(for_run=True), report=report)

    async def close(self) -> None:
        for gateway in self._gateways.values():
            await gateway.close(0.2)
        for server in self._servers:
            closing = server.close()
            if closing is not None:
                await closing


def as_text(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return field lines that were read as latin-1 as the text that they hold."""
    return [(name, value.encode("latin-1").decode("utf-8", "surrogateescape")) for name, value in lines]


def sources_of(case: Case) -> list[tuple[str, str]]:
    """Return the documents of a case, with the endings of their names."""
    url = case.group.get("endpoint", "https://a.test")
    upstream = None if case.group.get("cloud") else "UP"
    made = []
    for key in ("program", "bare", "with"):
        text = case.text(key)
        if text is not None:
            made.append((f"-{key}.policy", text))
    if (text := case.text("policy")) is not None:
        arrow = "" if upstream is None else f' -> "{upstream}"'
        made.append((".policy", f'endpoint "{url}"{arrow} {{\n{text}\n}}\n'))
    if (text := case.text("agent")) is not None:
        made.append((".yaml", text))
    if (text := case.text("yaml")) is not None:
        rest = textwrap.indent(text, "      ")
        made.append((
            ".yaml",
            f"version: 3\nendpoints:\n  - name: a\n    url: {url}\n    upstream: {{ url: UP }}\n"
            f"    traffic_policy:\n{rest}\n",
        ))  # fmt: skip
    return made


def _crude(octets: bytes) -> Any:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(octets)
        writer.close()

    return serve


class Turn(NamedTuple):
    """A request of a case, and what came of it."""

    request: bytes
    reply: Reply
    seen: list[Seen]
    client_ip: str
    clock_s: float


class Talk:
    """A case under way: what was sent last, and what came of it."""

    def __init__(self, world: World, case: Case, gateway: Gateway) -> None:
        self._world = world
        self._case = case
        self._port = gateway.addresses[0][1]
        self._client: Client | None = None
        self._from = "127.0.0.1"
        self._request: bytes | None = None
        self._saw_before = 0
        self._logged_before = 0
        self.reply: Reply | None = None
        self.turns: list[Turn] = []

    async def go(self) -> list[str]:
        """Take every step; return what does not hold."""
        wrong = []
        try:
            async with asyncio.timeout(WITHIN_S):
                for step in self._case.steps:
                    problem = await self._take(step)
                    if problem is not None:
                        wrong.append(f"`{step}`: {problem}")
        except TimeoutError:
            wrong.append("nothing came")
        finally:
            if self._client is not None:
                await self._client.close()
        return wrong

    async def _take(self, step: str) -> str | None:
        if step.startswith(">"):
            await self._send(step)
            return None
        word, _, rest = step.partition(" ")
        if step == "another connection":
            if self._client is not None:
                await self._client.close()
            self._client = None
            return None
        if word == "from":
            self._from = rest
            return None
        if word == "clock":
            self._world.clock_s += float(rest)
            return None
        if step == "another reply":
            await self._answered()
            self.reply = None
            return None
        if step == "dropped":
            client = await self._connected()
            self._remember(Reply(0, [], b""))
            return None if await client.is_closed() else "there is an answer"
        await self._answered()
        return await self._judge(step, word, rest)

    async def _connected(self) -> Client:
        if self._client is None:
            self._client = Client(
                *await asyncio.open_connection(
                    "127.0.0.1", self._port, limit=1 << 20, local_addr=(self._from, 0)
                )
            )
        return self._client

    async def _send(self, step: str) -> None:
        if self._request is not None:
            await self._answered()
        client = await self._connected()
        self._saw_before = len(self._world.seen)
        self._logged_before = len(self._world.log)
        self.reply = None
        if step.startswith(">>"):
            self._request = octets_of(step[3:])
        else:
            self._request = whole_request(step[2:])
        client.send(self._request)

    async def _answered(self) -> Reply:
        if self.reply is None:
            assert self._request is not None
            client = await self._connected()
            try:
                reply = await client.reply(head=self._request.startswith(b"HEAD "))
                self.reply = reply._replace(lines=as_text(reply.lines))
            except (asyncio.IncompleteReadError, ConnectionError):
                self.reply = Reply(0, [], b"")
            self._remember(self.reply)
        return self.reply

    def _remember(self, reply: Reply) -> None:
        assert self._request is not None
        seen = [each for _, each in self._world.seen[self._saw_before :]]
        self.turns.append(Turn(self._request, reply, seen, self._from, self._world.clock_s))

    async def _judge(self, step: str, word: str, rest: str) -> str | None:
        assert self.reply is not None
        reply = self.reply
        if word.isdigit():
            return None if reply.status == int(word) else f"{reply.status}, {reply.body[:200]!r}"
        if word in ("closed", "open"):
            return await self._is_closed(word == "closed")
        if word == "saw":
            return self._judge_seen(rest)
        if word == "log":
            return self._judge_log(rest)
        if word == "logged:":
            entries = [entry.get("metadata", entry) for entry in self._record().get("logs", [])]  # type: ignore[attr-defined]
            return None if entries == yaml.safe_load(rest) else f"{entries}"
        return judge_message(step, word, rest, reply.lines, reply.body)

    async def _is_closed(self, wanted: bool) -> str | None:
        client = await self._connected()
        if wanted:
            return None if await client.is_closed() else "open"
        reading = asyncio.ensure_future(client.reader.read(1))
        await asyncio.wait({reading}, timeout=0.02)
        if reading.done():
            return f"closed: {reading.result()!r}"
        reading.cancel()
        await asyncio.wait({reading})
        return None

    def _judge_seen(self, rest: str) -> str | None:
        new = self._world.seen[self._saw_before :]
        if rest == "nothing":
            return f"{[seen[:2] for _, seen in new]}" if new else None
        if not new:
            return "the upstream saw nothing"
        where, seen = new[-1]
        word, _, more = rest.partition(" ")
        if word == "at":
            return None if where == more else where
        if word.isupper():
            return None if f"{seen.method} {seen.target}" == rest else f"{seen.method} {seen.target}"
        return judge_message(rest, word, more, seen.lines, seen.body)

    def _record(self) -> Record:
        new = self._world.log[self._logged_before :]
        assert new, "there is no record in the access log"
        return new[-1]

    def _judge_log(self, rest: str) -> str | None:
        record: dict[str, object] = dict(self._record())
        word, _, more = rest.partition(" ")
        if word == "no":
            return f"{record[more]!r}" if more in record else None
        if word.startswith("~"):
            text = json.dumps(record.get(word[1:-1]))
            return None if re.search(more, text) else text
        found = record.get(word.removesuffix(":"))
        return None if found == more or found == yaml.safe_load(more) else f"{found!r}"


def whole_request(text: str) -> bytes:
    """Return a request with what every request needs: version, Host, Content-Length."""
    head, _, body = text.partition("\n\n")
    first, *lines = head.rstrip("\n").split("\n")
    names = [line.partition(":")[0].lower() for line in lines]
    if " HTTP/1." not in first:
        first += " HTTP/1.1"
        if "host" not in names:
            lines.insert(0, "host: a.test")
    if body and not {"content-length", "transfer-encoding"} & set(names):
        lines.append(f"content-length: {len(body.encode())}")
    return "\r\n".join([first, *lines, "", ""]).encode("utf-8", "surrogateescape") + body.encode()


def judge_message(step: str, word: str, rest: str, lines: list[tuple[str, str]], body: bytes) -> str | None:
    """Return what of an expectation about a message does not hold."""
    if word == "body:":
        return None if body == rest.encode() else repr(body)
    if step in ("body:", "body: "):
        return repr(body) if body else None
    if word == "body":
        return None if re.search(rest[2:].encode(), body) else repr(body)
    if word == "json:":
        found = json.loads(body)
        return None if found == yaml.safe_load(rest) else repr(found)
    if word == "no":
        found = [value for name, value in lines if name == rest]
        return f"{found}" if found else None
    assert word.endswith(":"), f"no step: {step}"
    found = [value for name, value in lines if name == word[:-1]]
    if rest.startswith("~"):
        return None if len(found) == 1 and re.fullmatch(rest[1:], found[0]) else f"{found}"
    wanted = [each.strip() for each in rest.split(" | ")]
    return None if found == wanted else f"{found}"
