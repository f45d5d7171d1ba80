# %% [markdown]
# # Schedules, knapsacks and fits
# Linear programmes, dynamic programming, simulated annealing that is continued, least squares.

# %%
import math
import random

import numpy as np
from scipy.optimize import LinearConstraint, differential_evolution, least_squares, linprog, milp

costs = np.array([[4, 6, 9], [5, 3, 8], [7, 5, 2]])
supply, demand = [30, 40, 20], [25, 45, 20]
rows = np.kron(np.eye(3), np.ones(3))
columns = np.kron(np.ones(3), np.eye(3))
plan = linprog(costs.ravel(), A_ub=rows, b_ub=supply, A_eq=columns, b_eq=demand)
plan.fun

# %%
random.seed(4)
items = [(random.randint(1, 30), random.randint(1, 15)) for _ in range(25)]

def knapsack(capacity, memo={}):
    """The best value; the table is kept in the default."""
    key = (capacity, len(items))
    if key not in memo:
        best = [0] * (capacity + 1)
        for value, weight in items:
            for room in range(capacity, weight - 1, -1):
                best[room] = max(best[room], best[room - weight] + value)
        memo[key] = best[capacity]
    return memo[key]

knapsack(60)

# %%
values, weights = np.array(items).T
chosen = milp(-values, constraints=LinearConstraint(weights, ub=60), integrality=1, bounds=(0, 1))
int(-chosen.fun)

# %%
towns = [(random.random(), random.random()) for _ in range(15)]

class Annealer:
    def __init__(self, towns, temperature=1.0):
        self.towns, self.temperature = towns, temperature
        self.tour = list(range(len(towns)))
        self.best = self.length()

    def length(self):
        turned = self.tour[1:] + self.tour[:1]
        return sum(math.dist(self.towns[a], self.towns[b]) for a, b in zip(self.tour, turned))

    def run(self, steps):
        for _ in range(steps):
            i, j = sorted(random.sample(range(len(self.tour)), 2))
            before = self.length()
            self.tour[i:j] = reversed(self.tour[i:j])
            if random.random() > math.exp(min(0, (before - self.length()) / self.temperature)):
                self.tour[i:j] = reversed(self.tour[i:j])
            self.temperature *= 0.999
            self.best = min(self.best, self.length())
        return self

annealer = Annealer(towns)
annealer.run(300).best.__round__(4)

# %%
annealer.run(300)
round(annealer.temperature, 4)

# %%
xs = np.linspace(0, 4, 40)
ys = 2.5 * np.exp(-1.3 * xs) + 0.5 + np.random.default_rng(8).normal(0, 0.02, 40)
ys[5] = 9
def decay(p):
    return p[0] * np.exp(-p[1] * xs) + p[2] - ys

robust = least_squares(decay, [1, 1, 0], loss="soft_l1", f_scale=0.1)
robust.x.round(3)

# %%
bowl = lambda p: (p[0] - 1) ** 2 + (p[1] + 2) ** 2
evolved = differential_evolution(bowl, [(-5, 5)] * 2, rng=1, maxiter=15)
evolved.x.round(3)

# %%
trace = []
found = least_squares(lambda p: trace.append(p.copy()) or p**2 - 2, [1.0])
len(trace), found.x.round(4)

# %% tags=["next"]
annealer.run(50).best.__round__(6), annealer.towns is towns, random.random()

# %% tags=["next"]
items.append((99, 1))
knapsack(60), len(knapsack.__defaults__[0]), plan.x.reshape(3, 3).sum(axis=1), len(trace)
