# %% [markdown]
# # Gradient boosting with early stopping
# lightgbm through both of its doors, on the diabetes data.

# %%
import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.metrics import mean_absolute_error

X, y = load_diabetes(return_X_y=True, as_frame=True)
rng = np.random.RandomState(3)
order = rng.permutation(len(X))
train, valid, test = np.split(order, [260, 350])

# %%
parameters = {"objective": "regression_l1", "learning_rate": 0.1, "num_leaves": 7, "verbose": -1,
              "num_threads": 1, "seed": 1, "deterministic": True, "force_row_wise": True}
train_set = lgb.Dataset(X.iloc[train], y.iloc[train], free_raw_data=False)
valid_set = train_set.create_valid(X.iloc[valid], y.iloc[valid])

# %%
history = {}
booster = lgb.train(parameters, train_set, 60, valid_sets=[valid_set], valid_names=["valid"],
                    callbacks=[lgb.early_stopping(8, verbose=False), lgb.record_evaluation(history)])
booster.best_iteration, round(history["valid"]["l1"][-1], 4)

# %%
predicted = booster.predict(X.iloc[test])
print(round(mean_absolute_error(y.iloc[test], predicted), 3))

# %%
importance = pd.Series(booster.feature_importance("gain"), index=X.columns).sort_values(ascending=False)
importance.head(4).round(1)

# %%
model = lgb.LGBMRegressor(n_estimators=30, num_leaves=5, random_state=2, n_jobs=1, verbose=-1)
model.fit(X.iloc[train], y.iloc[train], eval_set=[(X.iloc[valid], y.iloc[valid])])
model.score(X.iloc[test], y.iloc[test]).__round__(4)

# %%
def blend(weight):
    return weight * booster.predict(X.iloc[valid]) + (1 - weight) * model.predict(X.iloc[valid])

losses = {weight: mean_absolute_error(y.iloc[valid], blend(weight)) for weight in np.linspace(0, 1, 5)}
best = min(losses, key=losses.get)
best

# %%
residuals = (y.iloc[test] - best * predicted).rename("residual")
worst = residuals.abs().nlargest(5).index
X.loc[worst].round(3)

# %%
report = {"best": best, "trees": booster.num_trees(), "importance": importance}
report["trees"]

# %% tags=["next"]
blend(best).sum().round(6), report["importance"] is importance

# %% tags=["next"]
longer = lgb.train(parameters, lgb.Dataset(X.iloc[train], y.iloc[train]), 5, init_model=booster)
longer.num_trees() - booster.num_trees(), rng.randint(1000)
