# %% [markdown]
# # A made-up exchange
# Prices, returns, a back-test by a class with state, an order book of heaps.

# %%
import heapq
from itertools import count

import numpy as np
import pandas as pd

rng = np.random.default_rng(99)
days = pd.bdate_range("2022-01-03", periods=400)
moves = rng.multivariate_normal([4e-4, 2e-4], [[1e-4, 4e-5], [4e-5, 2e-4]], 400)
returns = pd.DataFrame(moves, days, ["A", "B"])
prices = 100 * (1 + returns).cumprod()
prices.tail(1).round(2)

# %%
volatility = returns.rolling(20).std() * np.sqrt(252)
drawdown = prices / prices.cummax() - 1
drawdown.min().round(4)

# %%
weights = pd.Series({"A": 0.6, "B": 0.4})
portfolio = (returns @ weights).rename("portfolio")
sharpe = portfolio.mean() / portfolio.std() * np.sqrt(252)
round(sharpe, 4)

# %%
class Strategy:
    """Buys when the fast mean crosses the slow one."""

    def __init__(self, prices, fast=5, slow=20):
        self.prices, self.fast, self.slow = prices, fast, slow
        self.position, self.cash, self.trades = 0, 1000.0, []

    def signals(self):
        fast = self.prices.rolling(self.fast).mean()
        slow = self.prices.rolling(self.slow).mean()
        return (fast > slow).astype(int).diff().fillna(0)

    def run(self, until=None):
        for day, signal in self.signals()[:until].items():
            price = self.prices[day]
            if signal > 0 and not self.position:
                self.position, self.cash = self.cash / price, 0.0
                self.trades.append((day, "buy", price))
            elif signal < 0 and self.position:
                self.position, self.cash = 0, self.position * price
                self.trades.append((day, "sell", price))
        return self

strategy = Strategy(prices["A"]).run("2022-12-30")
len(strategy.trades)

# %%
worth = strategy.cash + strategy.position * prices["A"].loc["2022-12-30"]
round(worth, 2)

# %%
ticket = count(1)
bids, asks, fills = [], [], []

def order(side, price, size):
    book, other, sign = (bids, asks, -1) if side == "buy" else (asks, bids, 1)
    while size and other and sign * price <= -other[0][0]:
        best, number, rest = heapq.heappop(other)
        traded = min(size, rest)
        fills.append((abs(best), traded))
        size -= traded
        if rest > traded:
            heapq.heappush(other, (best, number, rest - traded))
    if size:
        heapq.heappush(book, (sign * price, next(ticket), size))

for price in (101, 103, 102):
    order("sell", price, 5)
order("buy", 102, 7)
fills

# %%
monthly = prices.resample("ME").ohlc()
monthly.columns.names
strategies = [strategy, Strategy(prices["B"], 3, 10)]
strategies[1].run()

# %% tags=["next"]
next(ticket), strategies[0] is strategy, strategy.prices is strategies[0].prices, asks[0]

# %% tags=["next"]
strategy.run().trades[-1][1], round(strategy.cash, 4), monthly.shape, rng.random()
