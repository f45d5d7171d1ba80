# %% [markdown]
# # A network from scratch
# Backpropagation with numpy alone: layers, an optimiser with state, copies of weights, a resumed training.

# %%
import copy

import numpy as np
from sklearn.datasets import make_moons

rng = np.random.default_rng(123)
X, y = make_moons(300, noise=0.15, random_state=0)
X = (X - X.mean(axis=0)) / X.std(axis=0)

# %%
class Dense:
    def __init__(self, inputs, outputs):
        self.W = rng.normal(0, np.sqrt(2 / inputs), (inputs, outputs))
        self.b = np.zeros(outputs)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, gradient):
        self.dW, self.db = self.x.T @ gradient, gradient.sum(axis=0)
        return gradient @ self.W.T

    def parameters(self):
        return [(self.W, self.dW), (self.b, self.db)]

class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, gradient):
        return gradient * (1 - self.y**2)

    def parameters(self):
        return []

# %%
class Adam:
    def __init__(self, rate=0.05):
        self.rate, self.t, self.moments = rate, 0, {}

    def step(self, parameters):
        self.t += 1
        for key, (value, gradient) in enumerate(parameters):
            m, v = self.moments.setdefault(key, (np.zeros_like(value), np.zeros_like(value)))
            m += 0.1 * (gradient - m)
            v += 0.001 * (gradient**2 - v)
            value -= self.rate * m / (1 - 0.9**self.t) / (np.sqrt(v / (1 - 0.999**self.t)) + 1e-8)

layers = [Dense(2, 16), Tanh(), Dense(16, 1)]
adam = Adam()
losses = []

# %%
def train(epochs, batch=50):
    for _ in range(epochs):
        order = rng.permutation(len(X))
        for start in range(0, len(X), batch):
            at = order[start : start + batch]
            out = X[at]
            for layer in layers:
                out = layer.forward(out)
            probability = 1 / (1 + np.exp(-out[:, 0]))
            gradient = ((probability - y[at]) / len(at))[:, None]
            for layer in reversed(layers):
                gradient = layer.backward(gradient)
            adam.step([pair for layer in layers for pair in layer.parameters()])
        losses.append(float(-np.log(np.where(y[at] == 1, probability, 1 - probability) + 1e-9).mean()))

train(10)
round(losses[-1], 4)

# %%
saved = copy.deepcopy(layers)
train(5)
saved[0].W is layers[0].W, len(losses)

# %%
def predict(points, layers=layers):
    out = points
    for layer in layers:
        out = layer.forward(out)
    return (out[:, 0] > 0).astype(int)

accuracy = (predict(X) == y).mean()
accuracy

# %%
layers[0].W[:, 0] = 0
worse = (predict(X) == y).mean()
adam.rate /= 2
worse

# %%
weights = [layer.W for layer in layers if hasattr(layer, "W")]
best = {"losses": losses, "weights": weights, "accuracy": accuracy}
weights[0] is layers[0].W

# %% tags=["next"]
train(2)
same = best["losses"] is losses, best["weights"][0] is layers[0].W
round(losses[-1], 6), same, (predict(X, saved) == y).mean()

# %% tags=["next"]
adam.t, sorted(adam.moments), isinstance(saved[1], Tanh), rng.random()
