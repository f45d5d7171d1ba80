# %% [markdown]
# # Exploring the wine data
# A first look at a table: types, missing values, groups, correlations, a cleaned copy.

# %%
import numpy as np
import pandas as pd
from sklearn.datasets import load_wine

# %%
raw = load_wine(as_frame=True)
wine = raw.frame.copy()
wine.head()

# %%
wine.columns = [name.replace("/", "_per_").replace(" ", "_") for name in wine.columns]
wine.describe().round(2)

# %%
rng = np.random.default_rng(0)
holes = rng.random(wine.shape) < 0.02
holes[:, -1] = False
dirty = wine.mask(holes)
missing = dirty.isna().sum().sort_values(ascending=False)
print(missing.head(3))

# %%
dirty["target"] = dirty["target"].astype(int)
kinds = {0: "barolo", 1: "grignolino", 2: "barbera"}
dirty["kind"] = dirty["target"].map(kinds).astype("category")
dirty.dtypes.value_counts()

# %%
def fill(frame, by):
    """Medians of the group."""
    numbers = frame.select_dtypes("float")
    return frame.assign(**numbers.fillna(frame.groupby(by, observed=True)[list(numbers)].transform("median")))

clean = fill(dirty, "kind")
assert clean.isna().sum().sum() == 0

# %%
by_kind = clean.groupby("kind", observed=True)["alcohol"].agg(["mean", "std", "count"])
by_kind

# %%
correlations = clean.select_dtypes("float").corr()
upper = correlations.where(np.triu(np.ones(correlations.shape, bool), 1)).stack()
strongest = upper.abs().sort_values(ascending=False).head(5)
strongest

# %%
limit = clean["alcohol"].quantile(0.9)
strong = clean.query("alcohol > @limit")
len(strong)

# %%
clean.loc[clean["alcohol"] > limit, "note"] = "strong"
clean["note"] = clean["note"].fillna("")
views = {"all": clean, "strong": strong}

# %%
binned = pd.cut(clean["color_intensity"], 4, labels=list("abcd"))
table = pd.crosstab(clean["kind"], binned)
table

# %% tags=["next"]
views["all"] is clean, views["strong"]["alcohol"].min() > limit

# %% tags=["next"]
holes.sum(), rng.integers(1000, size=3), fill(dirty, "target").isna().sum().sum()

# %% tags=["next"]
clean.drop(columns="note", inplace=True)
clean.shape, views["all"].shape, kinds
