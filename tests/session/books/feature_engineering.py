# %% [markdown]
# # Features from a log of rides
# Made-up rides; joins, windows, encodings, and the table that a model is given.

# %%
import numpy as np
import pandas as pd

np.random.seed(7)
rides = pd.DataFrame({
    "rider": np.random.randint(0, 40, 2000),
    "start": pd.Timestamp("2024-03-01")
    + pd.to_timedelta(np.sort(np.random.randint(0, 60 * 24 * 30, 2000)), unit="min"),
    "minutes": np.random.gamma(3.0, 5.0, 2000).round(1),
    "zone": np.random.choice(["north", "south", "east"], 2000, p=[0.5, 0.3, 0.2]),
})
rides.head(3)

# %%
riders = pd.DataFrame({"rider": range(40), "since": pd.date_range("2020-01-31", periods=40, freq="ME")})
riders["plan"] = pd.Categorical(np.random.choice(["basic", "plus"], 40), categories=["basic", "plus"])
joined = rides.merge(riders, on="rider", validate="many_to_one")
joined["tenure_days"] = (joined["start"] - joined["since"]).dt.days

# %%
joined["hour"] = joined["start"].dt.hour
joined["weekend"] = joined["start"].dt.dayofweek >= 5
for name, period in [("hour", 24)]:
    joined[f"{name}_sin"] = np.sin(2 * np.pi * joined[name] / period)
    joined[f"{name}_cos"] = np.cos(2 * np.pi * joined[name] / period)
joined.filter(like="hour").describe().round(3)

# %%
class TargetEncoder:
    """Mean of the target by category, shrunk to the mean of all."""

    def __init__(self, weight=10.0):
        self.weight = weight
        self.means = {}

    def fit(self, frame, column, target):
        overall = frame[target].mean()
        groups = frame.groupby(column, observed=True)[target].agg(["mean", "count"])
        total = groups["mean"] * groups["count"] + overall * self.weight
        self.means[column] = total / (groups["count"] + self.weight)
        return self

    def transform(self, frame):
        return frame.assign(**{
            f"{name}_encoded": frame[name].map(means).astype(float) for name, means in self.means.items()
        })

encoder = TargetEncoder().fit(joined, "zone", "minutes")
encoder.fit(joined, "plan", "minutes")

# %%
by_rider = joined.sort_values("start").groupby("rider")
joined["previous"] = by_rider["minutes"].shift()
joined["rolling"] = by_rider["minutes"].transform(lambda each: each.rolling(5, min_periods=1).mean())
joined["gap_h"] = by_rider["start"].diff().dt.total_seconds() / 3600

# %%
features = encoder.transform(joined).fillna({"previous": 0, "gap_h": -1})
features = features.select_dtypes(["number", "bool"]).drop(columns="rider").astype("float32")
features.shape

# %%
split = joined["start"] < "2024-03-24"
train, test = features[split], features[~split]
scaling = {"mean": train.mean(), "std": train.std(ddof=0)}
train_z = (train - scaling["mean"]) / scaling["std"]
print(len(train), len(test), train_z.abs().max().round(1).to_dict())

# %%
def scale(frame):
    return (frame - scaling["mean"]) / scaling["std"]

matrix = scale(test).to_numpy()
target = test["minutes"].to_numpy()

# %%
design = np.c_[scale(train).drop(columns="minutes"), np.ones(len(train))]
weights, *_ = np.linalg.lstsq(design, train["minutes"], rcond=None)
weights.round(3)

# %% tags=["next"]
encoder.weight = 0
encoder.fit(joined, "zone", "minutes").means["zone"].round(4).to_dict()

# %% tags=["next"]
zones = joined["zone"].value_counts().to_dict()
np.allclose(scale(test).to_numpy(), matrix), np.random.rand(2).round(6), zones
