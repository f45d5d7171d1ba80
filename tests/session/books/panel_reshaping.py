# %% [markdown]
# # A sales panel, turned about
# MultiIndex, categories, pivots, windows, styles and the views between them.

# %%
import numpy as np
import pandas as pd

rng = np.random.default_rng(8)
days = pd.date_range("2023-01-01", periods=120, freq="D", name="day")
shops = pd.CategoricalIndex(["north", "south", "quay"], name="shop", ordered=True,
                            categories=["quay", "south", "north"])
index = pd.MultiIndex.from_product([days, shops])
sales = pd.DataFrame({"sold": rng.poisson(20, len(index))}, index)
sales["price"] = rng.uniform(2, 9, len(index)).round(2)
sales.loc["2023-02-03"]

# %%
sales["revenue"] = sales["sold"] * sales["price"]
wide = sales["revenue"].unstack("shop")
weekly = wide.resample("W").sum()
weekly.head(3).round(1)

# %%
rolling = wide.rolling("14D", min_periods=3).agg(["mean", "std"])
ewm = wide.ewm(halflife=5).mean()
rolling.columns.nlevels, ewm.iloc[-1].round(2).to_dict()

# %%
months = sales.reset_index().assign(month=lambda f: f["day"].dt.to_period("M"))
pivot = months.pivot_table(index="month", columns="shop", values=["sold", "revenue"], aggfunc="sum",
                           observed=True)
share = pivot["revenue"].div(pivot["revenue"].sum(axis=1), axis=0)
share.round(3)

# %%
long = wide.melt(ignore_index=False, value_name="revenue").set_index("shop", append=True)
long["band"] = pd.cut(long["revenue"], [0, 60, 110, np.inf], labels=["low", "mid", "high"])
counts = long.groupby(["shop", "band"], observed=False).size().unstack()
counts

# %%
holes = wide.copy()
holes.iloc[5:9, 1] = np.nan
holes.iloc[::17, 0] = np.nan
filled = holes.interpolate().bfill()
gaps = holes.isna().sum()
gaps.to_dict(), bool(filled.isna().any().any())

# %%
kinds = pd.Series(["fair", "strike", "fair"], dtype="category")
events = pd.DataFrame({"day": days[[3, 40, 77]], "event": kinds})
nearest = pd.merge_asof(wide.reset_index()[["day"]], events, on="day", direction="backward")
intervals = pd.IntervalIndex.from_breaks([0, 50, 100, 500])
binned = intervals.get_indexer(wide["quay"].clip(1, 499))
nearest["event"].value_counts().to_dict(), np.bincount(binned).tolist()

# %%
styled = share.style.format("{:.1%}").set_uuid("share")
alias = sales
alias.loc[("2023-01-01", "quay"), "sold"] = 0
zero = sales.query("sold == 0")
len(zero), styled.data is share

# %% tags=["next"]
sales.attrs["source"] = "tills"
alias.attrs, sales.groupby("shop", observed=True)["sold"].sum().to_dict(), shops.ordered

# %% tags=["next"]
nearest.dtypes.astype(str).to_dict(), long["band"].cat.categories.tolist(), wide.index.freqstr, alias is sales
