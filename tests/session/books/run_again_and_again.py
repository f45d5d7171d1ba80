# %% [markdown]
# # A model tuned by hand
# Cells that are run again and again, in whatever order, as it goes at a desk.
# order: 1 2 3 4 3 4 2 3 5 4 6 5 4 7 6

# %%
import random

import numpy as np

random.seed(1)
generator = np.random.default_rng(1)
runs, best = [], None
x = np.linspace(-1, 1, 80)
y = 1.5 * x**3 - x + generator.normal(0, 0.05, x.size)

# %%
degree = random.randint(1, 6)
weights = generator.uniform(0.5, 1.5, x.size)
degree

# %%
fit = np.poly1d(np.polyfit(x, y, degree, w=weights))
error = float(((fit(x) - y) ** 2).mean())
runs.append((degree, error))
len(runs), round(error, 5)

# %%
if best is None or error < best[1]:
    best = (fit, error)
degree += 1
best[0].order

# %%
runs = sorted(runs, key=lambda run: run[1])[:5]
leader = runs[0]
leader[0]

# %%
try:
    tried
except NameError:
    tried = 0
tried += 1
del leader
tried

# %%
summary = {"tried": tried, "runs": runs, "best": best}
runs = list(runs)
summary["runs"] is runs

# %% tags=["next"]
degree, [run[0] for run in runs], random.random(), generator.random()

# %% tags=["next"]
summary["best"][0] is best[0], "leader" in globals(), len(summary["runs"]), tried
