# %% [markdown]
# # Tests of hypotheses, and their pictures
# scipy.stats over groups, a facet grid, a pair of axes that share a scale.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from scipy import stats

rng = np.random.default_rng(6)
trial = pd.DataFrame({
    "arm": np.repeat(["control", "low", "high"], 40),
    "sex": np.tile(["f", "m"], 60),
    "effect": rng.normal(np.repeat([0.0, 0.3, 0.9], 40), 1.0),
})
groups = dict(list(trial.groupby("arm")["effect"]))
sorted(groups)

# %%
anova = stats.f_oneway(*groups.values())
pairs = {arm: stats.ttest_ind(groups[arm], groups["control"], equal_var=False) for arm in ("low", "high")}
round(pairs["high"].statistic, 3)

# %%
table = pd.crosstab(trial["arm"], trial["effect"] > 0.5)
chi = stats.chi2_contingency(table)
chi.dof

# %%
grid = sns.FacetGrid(trial, col="arm", height=2)
grid.map(sns.histplot, "effect")

# %%
fig, axes = plt.subplots(2, 1, sharex=True, figsize=(3, 3))
sns.kdeplot(trial, x="effect", hue="arm", ax=axes[0], legend=False)
sns.stripplot(trial, x="effect", y="sex", ax=axes[1], size=2)
[axes.get_xlabel() for axes in fig.axes]

# %%
def bootstrap(values, statistic=np.median, size=200):
    samples = rng.choice(values, (size, len(values)))
    return np.quantile(statistic(samples, axis=1), [0.05, 0.95])

bounds = {arm: bootstrap(values) for arm, values in groups.items()}
bounds["high"].round(3)

# %%
for axis in axes:
    axis.axvline(0, color="k", lw=0.5)
axes[0].set_title("effects")
plt.close(grid.figure)

# %% tags=["next"]
axes[0] is fig.axes[0], len(axes[1].lines), axes[0].get_title(), groups["low"].index[0]

# %% tags=["next"]
bootstrap(groups["low"]).round(4), anova.pvalue.round(6), len(grid.figure.axes)
