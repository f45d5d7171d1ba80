# %% [markdown]
# # A sampler of one's own
# Metropolis with a state that is continued, conjugate updates, diagnostics, a naive classifier.

# %%
import numpy as np
import pandas as pd
from scipy import special, stats

rng = np.random.default_rng(77)
heights = rng.normal(172, 8, 60)
prior = {"mean": 165.0, "precision": 1 / 25}

# %%
def posterior(data, prior, sigma=8.0):
    precision = prior["precision"] + len(data) / sigma**2
    mean = (prior["mean"] * prior["precision"] + data.sum() / sigma**2) / precision
    return {"mean": mean, "precision": precision}

updated = posterior(heights, prior)
updated

# %%
class Metropolis:
    """Keeps its place, so that it can go on."""

    def __init__(self, log_density, start, rng, width=1.0):
        self.log_density, self.rng, self.width = log_density, rng, width
        self.at, self.value = start, log_density(start)
        self.chain, self.accepted = [], 0

    def run(self, steps):
        for _ in range(steps):
            proposal = self.at + self.width * self.rng.standard_normal(self.at.shape)
            value = self.log_density(proposal)
            if np.log(self.rng.random()) < value - self.value:
                self.at, self.value = proposal, value
                self.accepted += 1
            self.chain.append(self.at)
        return self

def log_density(theta):
    mean, log_sigma = theta
    return stats.norm(mean, np.exp(log_sigma)).logpdf(heights).sum() - log_sigma**2

sampler = Metropolis(log_density, np.array([170.0, 2.0]), rng, width=0.5).run(150)
sampler.accepted

# %%
sampler.run(100)
chain = np.array(sampler.chain[50:])
chain.mean(axis=0).round(3)

# %%
summary = pd.DataFrame(chain, columns=["mean", "log_sigma"]).describe(percentiles=[0.05, 0.95]).round(3)
summary.loc[["5%", "95%"]]

# %%
lags = [np.corrcoef(chain[:-lag, 0], chain[lag:, 0])[0, 1] for lag in (1, 5, 20)]
np.round(lags, 3)

# %%
words = {"spam": {"win": 8, "money": 6, "meeting": 1}, "ham": {"win": 1, "money": 2, "meeting": 9}}

def classify(text, words=words):
    scores = {}
    for label, counts in words.items():
        total = sum(counts.values())
        scores[label] = sum(np.log((counts.get(word, 0) + 1) / (total + 3)) for word in text.split())
    normal = special.logsumexp(list(scores.values()))
    return {label: float(np.exp(score - normal).round(4)) for label, score in scores.items()}

classify("win money")

# %%
words["ham"]["win"] = 20
betas = {name: stats.beta(1 + wins, 1 + losses) for name, wins, losses in [("a", 12, 5), ("b", 30, 21)]}
draws = {name: beta.rvs(500, random_state=rng) for name, beta in betas.items()}
(draws["a"] > draws["b"]).mean()

# %% tags=["next"]
sampler.run(20).at.round(5), len(sampler.chain), sampler.rng is rng, sampler.chain[-1] is sampler.at

# %% tags=["next"]
classify("win money"), posterior(heights[:5], updated), betas["a"].mean().round(5), rng.random()
