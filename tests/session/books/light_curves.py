# %% [markdown]
# # Light curves of variable stars
# A pipeline as astronomers write it: quantities with units, observations as dataclasses, a periodogram.

# %%
from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from functools import cached_property, total_ordering

import numpy as np
from scipy import signal

class Band(enum.Enum):
    BLUE = "B"
    VISUAL = "V"

    @property
    def wavelength(self):
        return {"B": Length(445, "nm"), "V": Length(551, "nm")}[self.value]

@total_ordering
class Length:
    """A length with its unit."""

    METRES = {"nm": 1e-9, "um": 1e-6, "m": 1.0}

    def __init__(self, value, unit):
        self.value, self.unit = value, unit

    def to(self, unit):
        return Length(self.value * self.METRES[self.unit] / self.METRES[unit], unit)

    def __eq__(self, other):
        return np.isclose(self.to("m").value, other.to("m").value)

    def __lt__(self, other):
        return self.to("m").value < other.to("m").value

    def __hash__(self):
        return hash(round(self.to("nm").value, 6))

    def __repr__(self):
        return f"{self.value:g} {self.unit}"

Band.VISUAL.wavelength.to("um"), Band.BLUE.wavelength < Band.VISUAL.wavelength

# %%
@dataclass
class LightCurve:
    """Times in days, magnitudes, and what was done to them."""

    star: str
    band: Band
    times: np.ndarray
    magnitudes: np.ndarray
    steps: list[str] = field(default_factory=list)

    @cached_property
    def mean(self):
        return float(self.magnitudes.mean())

    def clipped(self, sigmas):
        spread = self.magnitudes.std()
        kept = abs(self.magnitudes - self.mean) < sigmas * spread
        return replace(self, times=self.times[kept], magnitudes=self.magnitudes[kept],
                       steps=[*self.steps, f"clip {sigmas}"])

rng = np.random.default_rng(11)

def observe(star, band, period, amplitude, count=300):
    times = np.sort(rng.uniform(0, 60, count))
    magnitudes = 12 + amplitude * np.sin(2 * np.pi * times / period) + rng.normal(0, 0.05, count)
    magnitudes[rng.integers(0, count, 5)] += 3
    return LightCurve(star, band, times, magnitudes)

curves = [observe("RR Lyr", Band.VISUAL, 0.567, 0.5), observe("delta Cep", Band.BLUE, 5.366, 0.9)]
[(curve.star, round(curve.mean, 3)) for curve in curves]

# %%
cleaned = {curve.star: curve.clipped(3) for curve in curves}
{star: (len(curve.times), curve.steps) for star, curve in cleaned.items()}

# %%
def best_period(curve, low, high, count=4000):
    """The period of the highest peak of a Lomb-Scargle periodogram."""
    periods = np.linspace(low, high, count)
    power = signal.lombscargle(curve.times, curve.magnitudes - curve.mean, 2 * np.pi / periods)
    return periods[power.argmax()], power

results = {star: best_period(curve, 0.3, 8) for star, curve in cleaned.items()}
{star: round(float(period), 2) for star, (period, _) in results.items()}

# %%
def folded(curve, period):
    phase = (curve.times % period) / period
    order = phase.argsort()
    return phase[order], curve.magnitudes[order]

phases = {star: folded(cleaned[star], results[star][0]) for star in cleaned}
catalogue = sorted(cleaned.values(), key=lambda curve: curve.band.wavelength)
[curve.band.name for curve in catalogue]

# %%
first = catalogue[0]
first.steps.append("folded")
first.magnitudes[:3] = np.nan
int(np.isnan(cleaned[first.star].magnitudes).sum())

# %% tags=["next"]
first is cleaned["delta Cep"], Band("B") is first.band, first.mean, Length(0.551, "um") == Length(551, "nm")

# %% tags=["next"]
observe("SX Phe", Band.BLUE, 0.055, 0.3).magnitudes[:3].round(4).tolist(), len({Length(1, "um")})
