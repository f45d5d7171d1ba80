# %% [markdown]
# # Temperatures of five towns
# A panel with a multi-index, missing months, group-wise transforms, reshaping, windows, styles of dates.

# %%
import numpy as np
import pandas as pd

rng = np.random.default_rng(30)
towns = ["Oslo", "Rome", "Cairo", "Lima", "Perth"]
months = pd.date_range("2015-01-01", periods=96, freq="MS")
index = pd.MultiIndex.from_product([towns, months], names=["town", "month"])
season = np.tile(np.cos(2 * np.pi * (months.month - 7) / 12), len(towns))
level = np.repeat([6, 16, 22, 19, 18], 96)
panel = pd.DataFrame({"temp": level + 9 * season + rng.normal(0, 1, 480)}, index=index)
panel.shape

# %%
panel.loc[rng.random(480) < 0.05, "temp"] = np.nan
gaps = panel["temp"].isna().groupby("town").sum()
gaps.sum()

# %%
panel["filled"] = panel.groupby("town")["temp"].transform(lambda each: each.interpolate().bfill())
wide = panel["filled"].unstack("town")
wide.corr().round(2).loc["Oslo", "Perth"]

# %%
yearly = wide.resample("YS").mean()
trend = yearly.apply(lambda each: np.polyfit(range(len(each)), each, 1)[0])
trend.round(3)

# %%
anomaly = wide - wide.groupby(wide.index.month).transform("mean")
extremes = anomaly.stack().nlargest(4)
extremes.round(2)

# %%
tidy = wide.reset_index().melt(id_vars="month", value_name="t")
tidy["season"] = pd.cut(tidy["month"].dt.month % 12, [-1, 2, 5, 8, 11], labels=["w", "sp", "su", "a"])
table = tidy.pivot_table(index="town", columns="season", values="t", observed=True).round(1)
table

# %%
smooth = wide.ewm(halflife=3).mean()
band = wide.rolling(12).agg(["min", "max"])
band.columns.nlevels

# %%
pd.set_option("display.precision", 2)
oslo = panel.xs("Oslo")
oslo_copy = oslo.copy()
oslo_copy["temp"] *= 9 / 5
oslo_copy.attrs["unit"] = "F"
oslo_copy.head(2)

# %%
periods = wide.index.to_period("Q")
quarters = wide.groupby(periods).mean()
intervals = pd.IntervalIndex.from_breaks([-20, 0, 10, 20, 40])
counts = pd.cut(wide["Oslo"], intervals).value_counts(sort=False)
counts

# %% tags=["next"]
panel.loc[("Oslo", months[0]), "filled"] = 0
lowest = band.iloc[20, 0].round(2)
wide.iloc[0]["Oslo"].round(3), oslo_copy.attrs, quarters.index[-1], counts.index[0].left, lowest

# %% tags=["next"]
grouped = tidy.groupby("season", observed=True)["t"]
grouped.mean(), pd.get_option("display.precision"), anomaly.shape, rng.random()
