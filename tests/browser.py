"""What the browser tests share: a Jupyter server of their own, Chromium, and a notebook page as a student uses it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nbformat
import psutil
from nbformat import v4

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
REPOSITORY = Path(__file__).parents[1]
SCREENSHOTS = REPOSITORY / "build" / "screenshots"
#: Milliseconds for anything that is waited for in a page; machines that run tests are busy.
PATIENCE = 120_000
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]


def environment(home: Path, **more: str) -> dict[str, str]:
    """Variables for a process that finds this environment first, and nothing of the user's Jupyter."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "AUTOGRADE", "PYTEST"))}
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    for name, folder in folders.items():
        (home / folder).mkdir(parents=True, exist_ok=True)
        env[name] = str(home / folder)
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", "")])
    return env | more


@contextmanager
def jupyter(folder: Path, home: Path, **more: str) -> Iterator[str]:
    """`jupyter lab` in `folder`, on a free port; yields its address, and ends every process that it has started."""
    env = environment(home, **more)
    # news would be fetched from the net, and asking for them covers the notebook
    silent = home / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    silent.parent.mkdir(parents=True)
    silent.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
    log = home / "jupyter.log"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    command += ["--port=18888", "--ServerApp.port_retries=500", "--IdentityProvider.token=", "--ServerApp.password="]
    command += ["--LabApp.expose_app_in_browser=True", f"--ServerApp.root_dir={folder}"]
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield _address(server, home / "runtime", log)
    finally:
        _end(server)


def _address(server: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """The address that the server has written down; it takes the first free port from 18888 on."""
    deadline = time.monotonic() + PATIENCE / 1000
    path = runtime / f"jpserver-{server.pid}.json"
    while time.monotonic() < deadline:
        with suppress(OSError, ValueError):
            return str(json.loads(path.read_text())["url"]).rstrip("/")
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"jupyter lab did not start:\n{log.read_text()[-4000:]}")


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to stop, which ends its kernels; then kill, by id, what is left of it."""
    family: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(server.pid).children(recursive=True)
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    for process in psutil.wait_procs(family, timeout=3)[1]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def new_page(browser: Any, *, width: int = 1280, height: int = 900) -> Iterator[Any]:
    """A page that reaches this machine only: fonts and formulas from the net are not waited for."""
    context = browser.new_context(viewport={"width": width, "height": height})
    try:
        context.set_default_timeout(PATIENCE)
        context.route(re.compile(r"^https?://(?!127\.0\.0\.1[:/])"), lambda route: route.abort())
        yield context.new_page()
    finally:
        context.close()


def screenshot(what: Any, name: str) -> None:
    """Keep a picture of a page or of a part of it in build/screenshots, for people."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    what.screenshot(path=SCREENSHOTS / f"{name}.png")


# --- a notebook in JupyterLab -----------------------------------------------------------------------------------------

_NOTEBOOK = "window.jupyterapp.shell.currentWidget.content"


class LabNotebook:
    """A notebook that is open in JupyterLab. Cells are named by their grade_id, or counted from 0."""

    def __init__(self, page: Any, address: str, path: str) -> None:
        self.page = page
        page.goto(f"{address}/lab/tree/{path}?reset")
        # before the file has been read there is one empty cell, and without a kernel a key press asks for one
        page.wait_for_function(
            "(panel => panel?.context?.isReady && panel.content.widgets.length === panel.content.model.cells.length"
            " && panel.sessionContext.isReady && panel.sessionContext.session?.kernel?.connectionStatus === 'connected'"
            " && panel.sessionContext.session.kernel.status === 'idle')(window.jupyterapp?.shell.currentWidget)"
        )

    def _index(self, cell: str | int) -> int:
        if isinstance(cell, int):
            return cell
        names = self.page.evaluate(f"{_NOTEBOOK}.widgets.map(cell => cell.model.getMetadata('nbgrader')?.grade_id)")
        return int(names.index(cell))

    def cell(self, cell: str | int) -> Any:
        """The cell, brought into view and made the active one."""
        index = self._index(cell)
        # cells that are out of view are not in the page
        self.page.evaluate(
            f"async index => {{ {_NOTEBOOK}.activeCellIndex = index; await {_NOTEBOOK}.scrollToItem(index, 'start'); }}",
            index,
        )
        found = self.page.locator(f'.jp-Notebook-cell.jp-mod-active[data-windowed-list-index="{index}"]')
        found.wait_for()
        return found

    def write(self, cell: str | int, text: str) -> None:
        """Replace the text of a cell by the keyboard, as somebody who pastes an answer."""
        found = self.cell(cell)
        found.locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)
        self.page.wait_for_function(
            f"([index, text]) => {_NOTEBOOK}.widgets[index].model.sharedModel.getSource() === text",
            arg=[self._index(cell), text],
        )

    def run(self, cell: str | int) -> Any:
        """Run a cell, and give its output area when it has ended."""
        found, index = self.cell(cell), self._index(cell)
        before = self.page.evaluate(f"index => {_NOTEBOOK}.widgets[index].model.executionCount", index)
        found.locator(".jp-InputPrompt").first.click()  # the text itself may be folded away
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function(
            f"([index, before]) => (({{ model }}) => model.executionState === 'idle' && model.executionCount"
            f" && model.executionCount !== before)({_NOTEBOOK}.widgets[index])",
            arg=[index, before],
        )
        return found.locator(".jp-Cell-outputArea")


# --- small notebooks --------------------------------------------------------------------------------------------------


def nbgrader_cell(kind: str, name: str, text: str, points: float | None = None) -> Any:
    """A code cell as nbgrader marks them up: "locked", "solution" or "test"."""
    meta: dict[str, Any] = {
        "schema_version": 3,
        "grade_id": name,
        "grade": kind == "test",
        "solution": kind == "solution",
        "locked": kind != "solution",
        "task": False,
    }
    if points is not None:
        meta["points"] = points
    return v4.new_code_cell(text, metadata={"nbgrader": meta})


def write_notebook(path: Path, cells: list[Any]) -> Path:
    """A notebook for the kernel of this environment."""
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def with_answers(released: Path, target: Path, answers: Mapping[str, str]) -> Any:
    """Write a copy of a released notebook with some cells answered, by grade_id; gives the copy."""
    book = nbformat.read(released, as_version=4)
    for cell in book.cells:
        cell.source = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(book, target)
    return book
