# %% [markdown]
# # Sun spots
# Resampling, decomposition, autocorrelation, a forecast; the data that statsmodels carries.

# %%
import warnings

import numpy as np
import pandas as pd
import statsmodels.api as sm
from statsmodels.tsa.ar_model import AutoReg
from statsmodels.tsa.holtwinters import ExponentialSmoothing

spots = sm.datasets.sunspots.load_pandas().data
spots.index = pd.period_range("1700", periods=len(spots), freq="Y")
series = spots["SUNACTIVITY"].rename("spots")
series.tail(3)

# %%
decades = series.groupby((series.index.year // 10) * 10).agg(["mean", "max"])
decades.tail(3).round(1)

# %%
correlation = sm.tsa.acf(series, nlags=15)
period = int(np.argmax(correlation[5:]) + 5)
period

# %%
warnings.filterwarnings("ignore", category=UserWarning)
stamps = series.to_timestamp()
train, test = stamps[:"1979"], stamps["1980":]
model = AutoReg(train, lags=11).fit()
model.params.round(3).head(3)

# %%
forecast = model.predict(test.index[0], test.index[-1])
error = (forecast - test).abs().mean()
round(error, 3)

# %%
smooth = ExponentialSmoothing(train, seasonal="add", seasonal_periods=period).fit()
print(round(smooth.sse, 1))

# %%
parts = sm.tsa.seasonal_decompose(stamps, period=period)
strength = 1 - parts.resid.var() / (parts.seasonal + parts.resid).var()
round(strength, 4)

# %%
daily = stamps.resample("QS").interpolate()
windows = {years: daily.rolling(4 * years).mean() for years in (5, 11)}
windows[11].dropna().iloc[0].round(3)

# %%
local = pd.date_range("2024-03-30", periods=6, freq="12h", tz="Europe/Berlin")
measured = pd.Series(np.arange(6.0), index=local)
measured.asfreq("6h").ffill().size, local[2]

# %% tags=["next"]
model.forecast(2).round(4).tolist(), local[3] - local[1], stamps.index.freqstr

# %% tags=["next"]
train.iloc[-1] = 0
stamps["1979"].iloc[0], model.model.endog[-1], parts.trend.notna().sum()
