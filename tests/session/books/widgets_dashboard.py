# %% [markdown]
# # A dashboard
# Widgets whose callbacks change what later cells read.

# %%
import ipywidgets as widgets
import numpy as np

rng = np.random.default_rng(2)
signal = rng.normal(size=400).cumsum()
window = widgets.IntSlider(value=10, min=1, max=60, description="window")
kind = widgets.Dropdown(options=["mean", "max", "min"], value="mean", description="kind")
history = []
window.value, kind.options

# %%
def smooth(values, size, how):
    """A moving statistic."""
    return np.array([getattr(values[max(0, end - size):end], how)() for end in range(1, len(values) + 1)])

state = {"line": smooth(signal, window.value, kind.value), "changes": 0}

def refresh(change):
    state["line"] = smooth(signal, window.value, kind.value)
    state["changes"] += 1
    history.append((change["name"], change["new"]))

window.observe(refresh, names="value")
kind.observe(refresh, names="value")
state["line"][-1].round(4)

# %%
window.value = 25
kind.value = "max"
history, state["changes"]

# %%
both = widgets.HBox([window, kind])
label = widgets.Label()
widgets.jslink((window, "value"), (widgets.IntText(), "value"))
label.value = f"{kind.value} of {window.value}"
len(both.children), label.value

# %%
picked = state["line"] > signal.mean()
runs = np.flatnonzero(np.diff(picked.astype(int)))
int(picked.sum()), runs[:3].tolist()

# %% tags=["next"]
label.value, state["changes"], [round(float(value), 3) for value in state["line"][:3]]

# %% tags=["next"]
len(history), signal[:2].round(4).tolist()
