# %% [markdown]
# # A pipeline for breast cancer data
# Column transformer, cross validation, grid search, a custom estimator defined here.

# %%
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler

data = load_breast_cancer(as_frame=True)
X, y = data.data, data.target

# %%
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)
X_train.shape, y_train.mean().round(3)

# %%
class Clip(BaseEstimator, TransformerMixin):
    """Cuts off what lies outside of the training quantiles."""

    def __init__(self, low=0.01, high=0.99):
        self.low, self.high = low, high

    def fit(self, X, y=None):
        self.bounds_ = np.quantile(X, [self.low, self.high], axis=0)
        return self

    def transform(self, X):
        return np.clip(X, *self.bounds_)

# %%
worst = [name for name in X if name.startswith("worst")]
columns = ColumnTransformer([
    ("worst", make_pipeline(Clip(), StandardScaler()), worst),
    ("mean", QuantileTransformer(n_quantiles=50), [name for name in X if name.startswith("mean")]),
])
model = Pipeline([("columns", columns), ("classify", LogisticRegression(C=0.5, max_iter=500))])
model.fit(X_train, y_train).score(X_test, y_test).__round__(4)

# %%
scores = cross_val_score(model, X_train, y_train, cv=3)
print(scores.round(4))

# %%
search = GridSearchCV(model, {"classify__C": [0.1, 1.0], "columns__worst__clip__low": [0.0, 0.05]}, cv=2)
search.fit(X_train, y_train)
search.best_params_, round(search.best_score_, 4)

# %%
forest = RandomForestClassifier(20, max_depth=4, random_state=1).fit(X_train, y_train)
importances = dict(sorted(zip(X, forest.feature_importances_), key=lambda each: -each[1])[:5])
importances.keys()

# %%
class Vote(BaseEstimator, ClassifierMixin):
    def __init__(self, models):
        self.models = models

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return (np.mean([each.predict_proba(X)[:, 1] for each in self.models], axis=0) > 0.5).astype(int)

vote = Vote([search.best_estimator_, forest]).fit(X_train, y_train)
(vote.predict(X_test) == y_test).mean().round(4)

# %%
errors = X_test[vote.predict(X_test) != y_test]
len(errors), errors.index[:3].tolist()

# %% tags=["next"]
clip = search.best_estimator_["columns"].transformers_[0][1][0]
vote.models[1] is forest, vote.models[0] is search.best_estimator_, isinstance(clip, Clip)

# %% tags=["next"]
forest.set_params(n_estimators=25, warm_start=True).fit(X_train, y_train)
vote.predict(X_test).sum(), len(forest.estimators_)

# %% tags=["next"]
search.best_estimator_.predict_proba(errors)[:, 1].round(6)
