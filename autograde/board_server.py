"""The page of the room board, on the instructor's machine: counts by exercise, a place to report to, a field to paste into.

Nothing is asked or kept but codes (`board`): no names, no addresses, no times, no log of who came.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2
import tornado.httpserver
import tornado.web

from .board import MAX_TEXT_BYTES, PATH, Count, Place, add, counts, decode, read
from .errors import CourseError
from .types import Verdict

__all__ = ["addresses", "application", "serve"]

#: The page may show itself and ask for its own counts; nothing else runs or loads, whatever is reported.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
#: From the left: through, then how it fails, then not begun.
_SHOWN = (Verdict.AC, Verdict.MLE, Verdict.TLE, Verdict.RTE, Verdict.WA, Verdict.NS)
_SCRIPT = """\
const board = document.getElementById("board");
async function look() {
  try {
    const answer = await fetch("counts");
    if (answer.ok) board.innerHTML = await answer.text();
    document.body.classList.toggle("stale", !answer.ok);
  } catch { document.body.classList.add("stale"); }
}
setInterval(look, 2000);
"""


@dataclass(frozen=True, slots=True)
class _Row:
    """An exercise as the page draws it: each share of the bar with its left end and width, in percent."""

    count: Count
    shares: tuple[tuple[Verdict, float, float], ...]


def _row(count: Count, laptops: int) -> _Row:
    shares, left = [], 0.0
    for verdict in _SHOWN:
        width = 100 * count.tally.get(verdict, 0) / max(laptops, 1)
        if width:
            shares.append((verdict, left, width))
        left += width
    return _Row(count, tuple(shares))


class _Pages:
    """The page and its parts, drawn from what lies in the file of the board."""

    def __init__(self, path: Path, places: Sequence[Place], title: str) -> None:
        self.path, self.places, self.title = path, tuple(places), title
        loader = jinja2.PackageLoader("autograde")
        self._templates = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)

    def draw(self, name: str, **more: Any) -> str:
        told = read(self.path)
        all_counts = counts(told.values(), self.places)
        groups = []
        for assignment, some in groupby(all_counts, key=lambda count: count.place.assignment):
            rows = [_row(count, len(told)) for count in some]
            groups.append((assignment, rows, any(row.count.tally for row in rows)))
        key = [(verdict, "through" if verdict is Verdict.AC else verdict.words) for verdict in _SHOWN[:-1]]
        return self._templates.get_template(name).render(
            title=self.title, groups=groups, laptops=len(told), key=[*key, (Verdict.NS, "not begun")], **more
        )

    def take(self, text: bytes) -> int:
        return add(self.path, decode(text.decode("utf-8", "replace")), self.places)


class _Handler(tornado.web.RequestHandler):
    def initialize(self, pages: _Pages) -> None:
        self.pages = pages

    def set_default_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    def write_error(self, status_code: int, **more: Any) -> None:
        """The bare number: nothing of a request is shown again."""
        self.set_header("Content-Type", "text/plain")
        self.finish(str(status_code))


class _Page(_Handler):
    def get(self) -> None:
        self.finish(self.pages.draw("board.html.j2", said=""))

    def post(self) -> None:
        """What was pasted into the field."""
        taken = self.pages.take(self.get_body_argument("codes", "").encode())
        said = f"{taken} taken." if taken else "No whole code of this course in it: copy all letters from ag1 on."
        self.finish(self.pages.draw("board.html.j2", said=said))


class _Counts(_Handler):
    def get(self) -> None:
        self.finish(self.pages.draw("board-counts.j2"))


class _Script(_Handler):
    def get(self) -> None:
        self.set_header("Content-Type", "text/javascript")
        self.finish(_SCRIPT)


class _Report(_Handler):
    """Where laptops report to; the answer says whether anything was taken."""

    def post(self) -> None:
        if not self.pages.take(self.request.body):
            raise tornado.web.HTTPError(422, reason="no whole code of this course, or the board is full")
        self.set_header("Content-Type", "text/plain")
        self.finish("taken")


class _Nothing(_Handler):
    def prepare(self) -> None:
        raise tornado.web.HTTPError(404)


def application(path: Path, places: Sequence[Place], *, title: str) -> tornado.web.Application:
    """The pages of a board that is kept in the file at `path`."""
    pages = {"pages": _Pages(path, places, title)}
    routes = [
        (r"/", _Page, pages),
        (r"/counts", _Counts, pages),
        (r"/board.js", _Script, pages),
        (f"/{PATH}", _Report, pages),
    ]
    return tornado.web.Application(
        routes, default_handler_class=_Nothing, default_handler_args=pages, log_function=lambda handler: None
    )


def addresses(port: int, host: str) -> tuple[str, ...]:
    """Where a board that listens on `host` (empty: everywhere) can be reached, that of the local network first."""
    if host:
        return (f"http://{host}:{port}",)
    found = []
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # nothing is sent: it asks which of our addresses would
        found.append(f"http://{probe.getsockname()[0]}:{port}")
    return (*found, f"http://127.0.0.1:{port}")


def serve(
    app: tornado.web.Application,
    *,
    port: int,
    host: str = "",
    told: Callable[[tuple[str, ...]], None] = lambda where: None,
    stopped: Callable[[], bool] | None = None,
) -> None:
    """Show the board until Ctrl-C, or until `stopped` says so; `told` hears the addresses once it can be reached.

    Port 0 is any free one. Raises `CourseError` where the port is taken.
    """
    asyncio.run(_serve(app, port, host, told, stopped))


async def _serve(
    app: tornado.web.Application,
    port: int,
    host: str,
    told: Callable[[tuple[str, ...]], None],
    stopped: Callable[[], bool] | None,
) -> None:
    server = tornado.httpserver.HTTPServer(
        app,
        max_body_size=MAX_TEXT_BYTES,
        max_buffer_size=4 * MAX_TEXT_BYTES,
        idle_connection_timeout=30,
        body_timeout=10,
    )
    try:
        door = socket.create_server((host, port))
    except OSError as error:
        raise CourseError(
            f"the board cannot listen on port {port} ({error.strerror}); is one running already? Otherwise --port 8766"
        ) from error
    door.setblocking(False)
    server.add_socket(door)
    end = asyncio.Event()
    if stopped is None:
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C arrives as an exception
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, end.set)
    told(addresses(door.getsockname()[1], host))
    try:
        while not end.is_set() and not (stopped is not None and stopped()):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(end.wait(), 0.2)
    finally:
        server.stop()
        await server.close_all_connections()
