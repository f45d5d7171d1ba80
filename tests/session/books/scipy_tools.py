# %% [markdown]
# # Signals, optimisation, integration
# A tour of scipy that keeps what it finds.

# %%
import numpy as np
from scipy import integrate, interpolate, linalg, optimize, signal, sparse, stats
from scipy.sparse.linalg import splu

t = np.linspace(0, 10, 1000, endpoint=False)
rng = np.random.default_rng(5)
noisy = np.sin(2 * np.pi * 1.5 * t) + 0.4 * rng.standard_normal(t.size)

# %%
b, a = signal.butter(4, 3, fs=100)
clean = signal.filtfilt(b, a, noisy)
peaks, properties = signal.find_peaks(clean, height=0.5, distance=20)
len(peaks)

# %%
frequencies, power = signal.welch(noisy, fs=100, nperseg=256)
frequencies[power.argmax()].round(2)

# %%
def wave(t, amplitude, frequency, phase):
    return amplitude * np.sin(2 * np.pi * frequency * t + phase)

fitted, covariance = optimize.curve_fit(wave, t, noisy, p0=[1, 1.5, 0])
fitted.round(3)

# %%
rosen = optimize.minimize(optimize.rosen, [1.3, 0.7, 0.8], method="BFGS")
rosen.x.round(4), rosen.success

# %%
spline = interpolate.CubicSpline(t[::50], clean[::50])
derivative = spline.derivative()
slopes = derivative([0.5, 1.0])
root = optimize.brentq(lambda at: float(derivative(at)), 0.5, 1.0) if slopes.prod() < 0 else None
spline(1.234).round(6)

# %%
def pendulum(t, state, damping=0.2):
    angle, speed = state
    return [speed, -damping * speed - np.sin(angle)]

solution = integrate.solve_ivp(pendulum, (0, 10), [2.0, 0.0], dense_output=True, rtol=1e-6)
solution.t.size, solution.sol(5.0).round(4)

# %%
laplace = sparse.diags([-1, 2, -1], [-1, 0, 1], shape=(200, 200), format="csc")
factor = splu(laplace)
x = factor.solve(np.ones(200))
np.linalg.norm(laplace @ x - 1) < 1e-9

# %%
frozen = stats.gamma(2.5, scale=1.7)
sample = frozen.rvs(300, random_state=rng)
shape, _, scale = stats.gamma.fit(sample, floc=0)
test = stats.kstest(sample, "gamma", args=(shape, 0, scale))
round(test.pvalue, 4)

# %%
kde = stats.gaussian_kde(sample)
values, vectors = linalg.eigh(laplace.toarray()[:5, :5])
kde(3.0).round(6), values.round(4)

# %% tags=["next"]
factor.solve(np.arange(200.0))[:2].round(6), solution.sol(7.5).round(6)

# %% tags=["next"]
frozen.ppf(0.9).round(6), kde.resample(2, seed=1).round(4), rng.random()
