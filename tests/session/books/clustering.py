# %% [markdown]
# # Digits without labels
# PCA, k-means, t-SNE's cheaper relatives, neighbours, a dendrogram.

# %%
import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import DBSCAN, KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.neighbors import NearestNeighbors

digits = load_digits()
X = digits.data[:600] / 16
images = digits.images[:600]
np.shares_memory(images, digits.data)

# %%
pca = PCA(12, random_state=0).fit(X)
Z = pca.transform(X)
pca.explained_variance_ratio_.sum().round(4)

# %%
kmeans = KMeans(10, n_init=2, random_state=0).fit(Z)
labels = kmeans.labels_
round(adjusted_rand_score(digits.target[:600], labels), 3)

# %%
scores = {k: silhouette_score(Z, KMeans(k, n_init=1, random_state=1).fit_predict(Z)) for k in (5, 8, 10)}
max(scores, key=scores.get)

# %%
neighbours = NearestNeighbors(n_neighbors=4).fit(Z)
distances, indices = neighbours.kneighbors(Z[:5])
indices[:, 1]

# %%
tree = linkage(Z[:100], "ward")
flat = fcluster(tree, 8, "maxclust")
np.bincount(flat)

# %%
centres = kmeans.cluster_centers_
mean_images = pca.inverse_transform(centres).reshape(-1, 8, 8)
noisy = images + np.random.RandomState(4).normal(0, 1, images.shape)
noisy.mean().round(3)

# %%
outliers = DBSCAN(eps=distances.mean() * 1.5, min_samples=4).fit(Z)
(outliers.labels_ == -1).sum()

# %% tags=["next"]
images[0, 0, 0] = 99
digits.data[0, 0], X[0, 0], neighbours.kneighbors(Z[10:12], return_distance=False)[:, 1]

# %% tags=["next"]
same = labels is kmeans.labels_, centres is kmeans.cluster_centers_
kmeans.predict(Z[:6]), same, mean_images.sum().round(4)
