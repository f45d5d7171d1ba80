# %% [markdown]
# # Regressions with statsmodels
# Formulas, diagnostics, a generalised model, and the longley data.

# %%
import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.stats.diagnostic import het_breuschpagan

longley = sm.datasets.longley.load_pandas().data
longley.columns = longley.columns.str.lower()
longley.tail(2)

# %%
fit = smf.ols("totemp ~ gnp + unemp + armed", data=longley).fit()
fit.params.round(3)

# %%
print(fit.summary().tables[1])

# %%
influence = fit.get_influence()
cooks = pd.Series(influence.cooks_distance[0], index=longley["year"].astype(int))
cooks.nlargest(2).round(3)

# %%
breusch = dict(zip(["lm", "p", "f", "fp"], het_breuschpagan(fit.resid, fit.model.exog)))
breusch

# %%
rng = np.random.default_rng(11)
counts = pd.DataFrame({"x": rng.normal(size=300), "group": rng.choice(list("ab"), 300)})
counts["n"] = rng.poisson(np.exp(0.3 + 0.5 * counts["x"] + 0.4 * (counts["group"] == "b")))
poisson = smf.glm("n ~ x + group", data=counts, family=sm.families.Poisson()).fit()
poisson.params.round(4)

# %%
def predicted(x, group):
    return float(poisson.predict(pd.DataFrame({"x": [x], "group": [group]}))[0])

grid = {(x, group): predicted(x, group) for x in (-1, 0, 1) for group in "ab"}
round(grid[0, "b"], 4)

# %%
robust = fit.get_robustcov_results("HC3")
comparison = pd.DataFrame({"plain": fit.bse, "robust": robust.bse})
comparison.round(3)

# %%
bootstrap = np.array([
    smf.ols("totemp ~ gnp", data=longley.sample(len(longley), replace=True, random_state=seed)).fit().params
    for seed in range(12)
])
bootstrap.std(axis=0).round(4)

# %% tags=["next"]
fit.predict({"gnp": [500000.0], "unemp": [3000.0], "armed": [2600.0]}).round(2).tolist()

# %% tags=["next"]
again = poisson.predict({"x": [0.5], "group": ["a"]})[0]
predicted(0.5, "a") == again, poisson.deviance.round(6), rng.normal(size=2)

# %% tags=["next"]
longley.loc[0, "gnp"] = 0
fit.model.data.frame.loc[0, "gnp"], cooks.sum().round(6)
