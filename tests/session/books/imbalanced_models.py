# %% [markdown]
# # Many models, one table
# Search over families, calibration, learning curves, an ensemble, partial fits that are continued.

# %%
import warnings

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, learning_curve
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, export_text

warnings.simplefilter("ignore")
X, y = make_classification(400, 12, n_informative=5, weights=[0.85], random_state=3)
folds = StratifiedKFold(3, shuffle=True, random_state=0)
y.mean()

# %%
models = {
    "tree": DecisionTreeClassifier(max_depth=3, random_state=0),
    "bayes": GaussianNB(),
    "svm": SVC(probability=False, class_weight="balanced", random_state=0),
}
train, test = next(folds.split(X, y))

# %%
for model in models.values():
    model.fit(X[train], y[train])
scores = pd.Series({name: model.score(X[test], y[test]) for name, model in models.items()})
scores.round(3)

# %%
print(export_text(models["tree"], max_depth=1))

# %%
online = SGDClassifier(loss="log_loss", random_state=5)
for start in range(0, 200, 50):
    online.partial_fit(X[train][start : start + 50], y[train][start : start + 50], classes=[0, 1])
online.t_

# %%
shares = [0.3, 0.6, 1.0]
sizes, train_scores, test_scores = learning_curve(models["bayes"], X, y, cv=folds, train_sizes=shares)
test_scores.mean(axis=1).round(3)

# %%
calibrated = CalibratedClassifierCV(models["tree"], cv=2).fit(X[train], y[train])
auc = roc_auc_score(y[test], calibrated.predict_proba(X[test])[:, 1])
round(auc, 4)

# %%
stack = StackingClassifier(list(models.items())[:2], LogisticRegression(), cv=2).fit(X[train], y[train])
boost = GradientBoostingClassifier(n_estimators=15, random_state=1, warm_start=True).fit(X[train], y[train])
stack.score(X[test], y[test]).__round__(3)

# %%
leaderboard = pd.DataFrame(
    [(name, type(model).__name__, model) for name, model in models.items()], columns=["name", "type", "model"]
).set_index("name")
leaderboard["score"] = scores
leaderboard["type"]

# %% tags=["next"]
online.partial_fit(X[test], y[test])
online.t_, online.coef_.sum().round(6), leaderboard.loc["tree", "model"] is models["tree"]

# %% tags=["next"]
boost.n_estimators += 5
boost.fit(X[train], y[train])
len(boost.estimators_), stack.predict(X[test]).sum(), models["svm"].decision_function(X[:2]).round(5)
