"""A JupyterLab server of the tests' own, and a notebook in it driven through Chromium as a person would."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import expect

TIMEOUT_MS = 60_000
CHROMIUM = "/usr/bin/chromium"
# Without these, Chromium keeps asking for hosts of its maker, which a closed network refuses at length.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    # The first completion loads jedi, which takes a busy machine longer than the second JupyterLab waits.
    "@jupyterlab/completer-extension/manager": {"providerTimeout": 30000},
    "@jupyterlab/docmanager-extension/plugin": {"renameUntitledFileOnSave": False},
}


class Server:
    """JupyterLab on a free port, with home, settings and notebooks in a scratch directory."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.notebooks = self.directory / "notebooks"
        self.notebooks.mkdir(parents=True)
        for name, values in SETTINGS.items():
            path = self.directory / "config" / "lab" / "user-settings" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))
        environment = os.environ | {
            "HOME": str(self.directory),
            "IPYTHONDIR": str(self.directory / "ipython"),
            "JUPYTER_CONFIG_DIR": str(self.directory / "config"),
            "JUPYTER_DATA_DIR": str(self.directory / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.directory / "runtime"),
            "PATH": os.pathsep.join([str(Path(sys.prefix, "bin")), os.environ["PATH"]]),
        }
        environment.pop("PYTEST_CURRENT_TEST", None)
        self.log = open(self.directory / "server.log", "wb")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
                *("--port=0", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={self.notebooks}"),
                "--LabApp.extension_manager=readonly",
            ],
            cwd=self.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        self.url, self.token = self.wait_until_it_listens()

    def wait_until_it_listens(self, timeout_s=60):
        """Read address and token from the file the server writes."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for path in (self.directory / "runtime").glob("jpserver-*.json"):
                try:
                    info = json.loads(path.read_text())
                    return info["url"], info["token"]
                except ValueError:
                    continue
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(
            f"JupyterLab did not start:\n{(self.directory / 'server.log').read_text()[-3000:]}"
        )

    def get(self, path):
        """GET a path of the server's API."""
        import urllib.request

        request = urllib.request.Request(self.url + path, headers={"Authorization": f"token {self.token}"})
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.loads(response.read())

    def stop(self):
        """End the server and its kernels."""
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.log.close()


class Lab:
    """A browser page that shows JupyterLab."""

    def __init__(self, page, server, screenshots):
        self.page = page
        self.server = server
        self.screenshots = Path(screenshots)
        self.screenshots.mkdir(parents=True, exist_ok=True)
        page.set_default_timeout(TIMEOUT_MS)
        page.set_viewport_size({"width": 1280, "height": 900})

    def open(self, path="lab"):
        """Load JupyterLab."""
        self.page.goto(f"{self.server.url}{path}?token={self.server.token}&reset")
        self.page.wait_for_selector("#main-panel, .jp-LabShell")

    def screenshot(self, name):
        """Write a picture of the page into the folder that CI keeps."""
        self.page.screenshot(path=self.screenshots / f"{name}.png")

    def new_notebook(self, kernel_display_name):
        """Click the launcher's notebook card of a kernel."""
        card = self.page.locator(f".jp-LauncherCard[data-category='Notebook'][title='{kernel_display_name}']")
        card.wait_for()
        self.screenshot("01-launcher")
        card.click()
        self.wait_idle(kernel_display_name)

    def wait_idle(self, kernel_display_name):
        """Wait until the notebook shows its kernel as idle."""
        toolbar = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-NotebookPanel-toolbar")
        expect(toolbar.locator(".jp-KernelName").first).to_contain_text(
            kernel_display_name, timeout=TIMEOUT_MS
        )
        indicator = toolbar.locator(".jp-Notebook-ExecutionIndicator")
        expect(indicator).to_have_attribute("data-status", "idle", timeout=TIMEOUT_MS)

    @property
    def cells(self):
        """All code cells of the visible notebook."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell")

    def submit(self, code):
        """Type code into the last cell and run it; returns the cell's locator at once."""
        index = self.cells.count() - 1
        cell = self.cells.nth(index)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.press("Delete")
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Shift+Enter")
        return cell

    def finished(self, cell):
        """Wait until a cell has its number, which comes with the reply."""
        expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]:"), timeout=TIMEOUT_MS)
        return cell

    def run(self, code):
        """Run a cell and return its locator when it is done."""
        return self.finished(self.submit(code))

    def text(self, cell):
        """The text of a cell's outputs."""
        return (
            cell.locator(".jp-OutputArea").inner_text()
            if cell.locator(".jp-OutputArea-output").count()
            else ""
        )

    def menu(self, *labels):
        """Click through the menu bar."""
        self.page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{labels[0]}$")).click()
        for label in labels[1:]:
            pattern = re.compile(f"^{re.escape(label)}…?$")
            self.page.locator(".lm-Menu-itemLabel", has_text=pattern).last.click()

    def save(self):
        """Save the notebook from the menu and wait until nothing is unsaved."""
        self.menu("File", "Save Notebook")
        expect(self.page.locator(".lm-DockPanel-tabBar .jp-mod-dirty")).to_have_count(0, timeout=TIMEOUT_MS)

    def shut_down_kernel(self):
        """Shut the kernel down from the Kernel menu and wait until the server has none."""
        self.menu("Kernel", "Shut Down Kernel")
        deadline = time.monotonic() + 30
        while self.server.get("api/kernels") and time.monotonic() < deadline:
            time.sleep(0.2)
        assert self.server.get("api/kernels") == []

    def close_and_open_again(self, name):
        """Close the notebook's tab and open the notebook from the file browser."""
        self.menu("File", "Close Tab")
        expect(self.page.locator(".jp-NotebookPanel")).to_have_count(0, timeout=TIMEOUT_MS)
        self.page.locator(".jp-DirListing-item", has_text=name).dblclick()
        self.page.wait_for_selector(".jp-NotebookPanel")
