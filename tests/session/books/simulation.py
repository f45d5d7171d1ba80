# %% [markdown]
# # Queues and walks
# Monte Carlo with three sorts of generators, an agent model, statistics kept on the way.

# %%
import random
from collections import Counter, deque

import numpy as np

np.random.seed(0)
random.seed(1)
rng = np.random.default_rng(2)
children = rng.spawn(2)

# %%
walks = np.random.choice([-1, 1], size=(50, 100)).cumsum(axis=1)
furthest = np.abs(walks).max(axis=1)
furthest.mean()

# %%
inside = sum(random.random() ** 2 + random.random() ** 2 < 1 for _ in range(2000))
estimate = 4 * inside / 2000
estimate

# %%
class Queue:
    def __init__(self, rate, source):
        self.rate, self.source = rate, source
        self.waiting = deque()
        self.served = []

    def step(self, now):
        self.waiting.extend([now] * self.source.poisson(self.rate))
        if self.waiting:
            self.served.append(now - self.waiting.popleft())

queue = Queue(0.9, children[0])
for now in range(300):
    queue.step(now)
round(np.mean(queue.served), 3)

# %%
other = Queue(1.1, children[0])
for now in range(100):
    queue.step(now + 300)
    other.step(now)
len(other.waiting)

# %%
history = Counter()
for walk in walks:
    history.update(walk[::10].tolist())
history.most_common(2)

# %%
state = random.getstate()
draws = [random.gauss(0, 1) for _ in range(3)]
random.setstate(state)
draws == [random.gauss(0, 1) for _ in range(3)]

# %%
ensemble = [np.random.RandomState(seed) for seed in range(3)]
table = np.array([each.normal(size=4) for each in ensemble])
table.sum().round(6)

# %%
final = walks[:, -1]
final[final < 0] = 0
walks.min(axis=1)[:5]

# %% tags=["next"]
random.random(), np.random.rand(), rng.random(), children[0].random(), children[1].random()

# %% tags=["next"]
queue.step(400)
queue.source is other.source, len(queue.served), ensemble[1].rand(), walks[:, -1].min()
