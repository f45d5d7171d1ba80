"""A person's way through JupyterLab: launcher, plot, widget, input, interrupt; a session that comes back."""

import re

from jupyterlab import TIMEOUT_MS
from playwright.sync_api import expect

PLOT = (
    "import numpy as np, matplotlib.pyplot as plt\n"
    "x = np.linspace(0, 6, 200)\n"
    "plt.figure(figsize=(5, 2))\n"
    "plt.plot(x, np.sin(x)); plt.title('a plot');"
)


def test_a_notebook_with_plot_widget_input_and_interrupt(lab):
    lab.open()
    lab.new_notebook(lab.display_name)

    plot = lab.run(PLOT)
    expect(plot.locator(".jp-OutputArea-output img")).to_be_visible(timeout=TIMEOUT_MS)
    lab.screenshot("02-plot")

    widget = lab.run(
        "import ipywidgets as w\nmoves = []\nslider = w.IntSlider(value=3, max=20, description='n')\n"
        "slider.observe(lambda change: moves.append(change['new']), 'value')\nslider"
    )
    handle = widget.locator(".noUi-handle")
    handle.wait_for()
    handle.focus()
    for _ in range(4):
        handle.press("ArrowRight")
    expect(widget.locator(".widget-readout, .jupyter-widget-readout")).to_have_text("7", timeout=TIMEOUT_MS)
    # The frontend joins moves that come faster than the kernel's answers, so that some may be missing.
    moved = lab.run("slider.value, moves[-1], moves == sorted(set(moves))")
    assert lab.text(moved).strip().endswith("(7, 7, True)")
    lab.run("slider.value = 12")
    expect(widget.locator(".widget-readout, .jupyter-widget-readout")).to_have_text("12", timeout=TIMEOUT_MS)
    lab.screenshot("03-widget")

    asked = lab.submit("name = input('Your name: ')")
    box = asked.locator(".jp-Stdin-input")
    box.wait_for()
    expect(asked.locator(".jp-Stdin-prompt")).to_contain_text("Your name:")
    box.fill("Ada")
    box.press("Enter")
    lab.finished(asked)
    assert "'Ada'" in lab.text(lab.run("name"))
    lab.screenshot("04-input")

    sleeping = lab.submit("print('sleeping', flush=True)\nimport time; time.sleep(120)")
    expect(sleeping.locator(".jp-OutputArea")).to_contain_text("sleeping", timeout=TIMEOUT_MS)
    lab.page.locator(".jp-NotebookPanel-toolbar [data-command='notebook:interrupt-kernel']").first.click()
    lab.finished(sleeping)
    expect(sleeping.locator(".jp-OutputArea")).to_contain_text("KeyboardInterrupt", timeout=TIMEOUT_MS)
    assert "42" in lab.text(lab.run("6 * 7"))
    lab.screenshot("05-interrupt")


def test_the_session_comes_back(lab):
    lab.open()
    lab.new_notebook(lab.display_name)
    lab.run("import pandas as pd\nframe = pd.DataFrame({'a': range(1000)})\nframe['b'] = frame.a ** 2")
    lab.run("total = int(frame.b.sum())\nnames = ['Ada', 'Grace']\nalias = names")
    lab.run("def double(x): return 2 * x")
    lab.run("lines = (n for n in range(10)); next(lines)")
    if lab.is_ours:
        saved = lab.run("%checkpoint")
        expect(saved.locator(".jp-OutputArea-output").first).to_be_visible(timeout=TIMEOUT_MS)
        assert "total" in lab.text(saved) or "stored" in lab.text(saved).lower()
        lab.screenshot("06-checkpoint")
    lab.save()
    lab.shut_down_kernel()
    lab.screenshot("07-shut-down")

    lab.close_and_open_again("Untitled.ipynb")
    lab.wait_idle(lab.display_name)
    gone = lab.run("[name for name in ('frame', 'total', 'names', 'double') if name in globals()]")
    assert re.search(r"\[\]\s*$", lab.text(gone).strip())
    if lab.is_ours:
        lab.run("%restore")
        lab.screenshot("08-restore")
        back = lab.run("total, names, alias is names, double(21), frame.b.iloc[-1], list(lines)")
        expected = f"({sum(i * i for i in range(1000))}, ['Ada', 'Grace'], True, 42, np.int64(998001), "
        assert expected in " ".join(lab.text(back).split())
        assert "[1, 2, 3, 4, 5, 6, 7, 8, 9]" in " ".join(lab.text(back).split())
        lab.screenshot("09-values")


def test_completion_and_help_show_up(lab):
    lab.open()
    lab.new_notebook(lab.display_name)
    lab.run("completable_value = 1")
    cell = lab.cells.nth(lab.cells.count() - 1)
    cell.locator(".cm-content").click()
    lab.page.keyboard.type("completable_v")
    lab.page.keyboard.press("Tab")
    expect(lab.page.locator(".jp-Completer")).to_contain_text("completable_value", timeout=TIMEOUT_MS)
    lab.page.keyboard.press("Enter")
    expect(cell.locator(".cm-content")).to_contain_text("completable_value", timeout=TIMEOUT_MS)
    lab.page.keyboard.press("Control+A")
    lab.page.keyboard.insert_text("len(")
    lab.page.keyboard.press("Shift+Tab")
    expect(lab.page.locator(".jp-Tooltip")).to_contain_text("Return the number of items", timeout=TIMEOUT_MS)
    lab.screenshot("10-completion-and-help")
