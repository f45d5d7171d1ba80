"""Fixtures of the browser tests: a JupyterLab server, Chromium, and a folder for the screenshots."""

import os
from pathlib import Path

import pytest
from jupyterlab import CHROMIUM, CHROMIUM_FLAGS, Lab, Server
from playwright.sync_api import sync_playwright

KERNELS = {"elasticpython": "ElasticPython", "ipykernel": "Python 3 (ipykernel)"}


def pytest_addoption(parser):
    parser.addoption(
        "--browser-kernels",
        default="elasticpython",
        help=f"comma-separated kernels to drive in the browser, of {', '.join(KERNELS)}",
    )


def pytest_generate_tests(metafunc):
    if "kernel_name" in metafunc.fixturenames:
        names = metafunc.config.getoption("--browser-kernels").split(",")
        metafunc.parametrize("kernel_name", names, scope="module")


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium; Playwright's own browser is not downloaded."""
    if not os.path.exists(CHROMIUM):
        pytest.fail(f"{CHROMIUM} is missing: apt-get install chromium", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def lab(browser, kernel_name, tmp_path):
    """JupyterLab in a page of its own, with a server of its own."""
    root = Path(__file__).resolve().parents[2]
    screenshots = Path(os.environ.get("ELASTIC_ARTIFACTS", root / "artifacts")) / "screenshots" / kernel_name
    server = Server(tmp_path)
    page = browser.new_page()
    lab = Lab(page, server, screenshots)
    lab.display_name = KERNELS[kernel_name]
    lab.is_ours = kernel_name == "elasticpython"
    try:
        yield lab
    finally:
        try:
            lab.screenshot("99-at-the-end")
            page.close()
        finally:
            server.stop()
