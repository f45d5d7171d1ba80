# %% [markdown]
# # Recommending films
# A sparse matrix of ratings, factors by alternating least squares, neighbours by cosine.

# %%
import heapq
from collections import Counter, defaultdict

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

rng = np.random.default_rng(21)
users, films, known = 120, 60, 1800
taste = rng.normal(size=(users, 3))
style = rng.normal(size=(films, 3))
where = np.unique(np.column_stack([rng.integers(0, users, known), rng.integers(0, films, known)]), axis=0)
liking = (taste[where[:, 0]] * style[where[:, 1]]).sum(1) + rng.normal(0, .3, len(where))
stars = np.clip(np.round(3 + liking), 1, 5)
ratings = sparse.coo_matrix((stars, (where[:, 0], where[:, 1])), shape=(users, films)).tocsr()
ratings.nnz, ratings.shape

# %%
means = np.array(ratings.sum(1)).ravel() / np.maximum(1, np.diff(ratings.indptr))
centred = ratings.copy()
centred.data -= np.repeat(means, np.diff(ratings.indptr))
abs(centred.data).mean().round(3)

# %%
left, values, right = svds(centred.astype(float), k=4, random_state=0)
order = values.argsort()[::-1]
left, values, right = left[:, order], values[order], right[order]
values.round(2)

# %%
def als(matrix, rank=4, rounds=6, weight=0.5):
    """Alternating least squares; returns both factors and the error after each round."""
    generator = np.random.default_rng(0)
    p, q = (generator.normal(size=(size, rank)) for size in matrix.shape)
    columns, errors = matrix.tocsc(), []
    for _ in range(rounds):
        for row in range(matrix.shape[0]):
            start, stop = matrix.indptr[row], matrix.indptr[row + 1]
            part = q[matrix.indices[start:stop]]
            p[row] = np.linalg.solve(part.T @ part + weight * np.eye(rank), part.T @ matrix.data[start:stop])
        for column in range(matrix.shape[1]):
            start, stop = columns.indptr[column], columns.indptr[column + 1]
            part = p[columns.indices[start:stop]]
            right = part.T @ columns.data[start:stop]
            q[column] = np.linalg.solve(part.T @ part + weight * np.eye(rank), right)
        cells = matrix.tocoo()
        errors.append(float(np.sqrt(((cells.data - (p[cells.row] * q[cells.col]).sum(1)) ** 2).mean())))
    return p, q, errors

p, q, errors = als(centred)
[round(error, 4) for error in errors], errors == sorted(errors, reverse=True)

# %%
class Recommender:
    """Scores from factors, without what a user has seen."""

    def __init__(self, p, q, seen):
        self.p, self.q, self.seen = p, q, seen
        self.asked = Counter()

    def best(self, user, count=3):
        self.asked[user] += 1
        scores = self.q @ self.p[user]
        unseen = set(range(len(self.q))) - self.seen[user]
        return heapq.nlargest(count, unseen, key=scores.__getitem__)

seen = defaultdict(set)
for user, film in zip(*ratings.nonzero()):
    seen[int(user)].add(int(film))
recommender = Recommender(p, q, seen)
recommender.best(0), recommender.best(7)

# %%
recommender.p[0] += 0.5
recommender.seen[0].update(recommender.best(0))
recommender.best(0), recommender.asked

# %% tags=["next"]
recommender.p is p, recommender.seen is seen, recommender.best(0, 5), dict(recommender.asked)

# %% tags=["next"]
ratings.data.sum(), (ratings != centred).nnz > 0, ratings.has_sorted_indices, sorted(seen[5])[:4]
