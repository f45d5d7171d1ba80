# %% [markdown]
# # Figures
# matplotlib and seaborn; a figure that is built over several cells, styles, and an animation's frames.

# %%
%matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

plt.rcParams["figure.figsize"] = (4, 3)
plt.rcParams["axes.grid"] = True

# %%
x = np.linspace(0, 2 * np.pi, 200)
fig, (left, right) = plt.subplots(1, 2, sharey=True)
[line] = left.plot(x, np.sin(x), label="sine")

# %%
right.scatter(x[::10], np.cos(x[::10]), c=x[::10], cmap="viridis")
left.legend(loc="upper right")
fig.suptitle("waves")

# %%
rng = np.random.default_rng(2)
frame = pd.DataFrame({"x": rng.normal(size=120), "kind": rng.choice(["a", "b", "c"], 120)})
frame["y"] = 2 * frame["x"] + rng.normal(size=120)
colours = dict(zip("abc", sns.color_palette("deep", 3)))

# %%
sns.set_theme(style="whitegrid", palette="muted")
boxes = sns.boxplot(data=frame, x="kind", y="y", order=list("abc"))
boxes.set_title("by kind")

# %%
def annotate(axes, text, at):
    """Marks a point."""
    axes.annotate(text, at, xytext=(5, 5), textcoords="offset points")
    return axes

annotate(left, "top", (np.pi / 2, 1))

# %%
with plt.style.context("dark_background"):
    night, axes = plt.subplots()
    axes.hist(frame["y"], bins=15)
plt.close("all")

# %%
line.set_linestyle("--")
line.set_ydata(np.sin(2 * x))
figures = {"waves": fig, "night": night}

# %%
means = frame.pivot_table(index="kind", columns=frame["x"] > 0, values="y")
heat = sns.heatmap(means, annot=True, cbar=False)
plt.title("means");

# %% tags=["next"]
line in left.lines, figures["waves"] is fig, fig.axes[1] is right, line.get_ydata()[:3].round(4)

# %% tags=["next"]
annotate(right, "here", (3, 0))
import io
picture = io.BytesIO()
fig.savefig(picture, format="png", dpi=50)
len(left.texts), plt.rcParams["figure.figsize"], plt.rcParams["axes.grid"], colours["b"]
