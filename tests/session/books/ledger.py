# %% [markdown]
# # A ledger
# Exact money, dates, properties, errors of one's own, and cells that raise half-way.

# %%
import datetime as dt
import json
from abc import ABC, abstractmethod
from contextlib import contextmanager
from decimal import ROUND_HALF_EVEN, Decimal, getcontext
from fractions import Fraction

getcontext().prec = 20
CENT = Decimal("0.01")

class Overdrawn(Exception):
    """More was taken than there is."""

    def __init__(self, account, missing):
        super().__init__(f"{account} lacks {missing}")
        self.missing = missing

class Account(ABC):
    opened = dt.date(2024, 1, 1)

    def __init__(self, owner, balance="0"):
        self.owner, self._balance, self.entries = owner, Decimal(balance), []

    @property
    def balance(self):
        return self._balance.quantize(CENT, ROUND_HALF_EVEN)

    @balance.setter
    def balance(self, value):
        if value < self.floor():
            raise Overdrawn(self.owner, self.floor() - value)
        self.entries.append((len(self.entries), value - self._balance))
        self._balance = value

    @abstractmethod
    def floor(self):
        """The least it may hold."""

class Savings(Account):
    rate = Fraction(7, 200)

    def floor(self):
        return Decimal(0)

    def year(self):
        self.balance += self._balance * self.rate.numerator / self.rate.denominator

class Current(Account):
    def floor(self):
        return Decimal(-500)

ada, bob = Savings("Ada", "1000"), Current("Bob", "50")
ada.balance, bob.balance

# %%
@contextmanager
def transaction(*accounts):
    """All or nothing."""
    before = [(account, account._balance, list(account.entries)) for account in accounts]
    try:
        yield
    except Exception:
        for account, balance, entries in before:
            account._balance, account.entries = balance, entries
        raise

def pay(source, target, amount):
    with transaction(source, target):
        target.balance += Decimal(amount)
        source.balance -= Decimal(amount)

pay(bob, ada, "120.55")
ada.year()
ada.balance, bob.balance, ada.entries[-1]

# %% tags=["raises-exception"]
attempts = ["300", "400", "10"]
paid = []
for amount in attempts:
    pay(bob, ada, amount)
    paid.append(amount)

# %%
paid, bob.balance, len(ada.entries)

# %%
try:
    Account("nobody")
except TypeError as problem:
    abstract = type(problem).__name__
failures = []
try:
    pay(bob, ada, "9999")
except Overdrawn as overdrawn:
    failures.append((overdrawn.args[0], overdrawn.missing))
abstract, failures

# %% tags=["raises-exception"]
Savings.rate = Fraction(1, 20)
bob.limit = ada.entries[99]

# %%
def schedule(start, months):
    """The first weekday of each month."""
    days = []
    for month in range(months):
        day = dt.date(start.year + (start.month - 1 + month) // 12, (start.month - 1 + month) % 12 + 1, 1)
        while day.weekday() > 4:
            day += dt.timedelta(days=1)
        days.append(day)
    return days

due = schedule(Account.opened, 14)
first = [day.isoformat() for day in due[:3]]
statement = json.dumps({"owner": ada.owner, "balance": str(ada.balance), "due": first})
statement

# %% tags=["next"]
ada.year()
ada.balance, Savings.rate, hasattr(bob, "limit"), due[-1].strftime("%a %d")

# %% tags=["next"]
isinstance(ada, Account), issubclass(Overdrawn, Exception), paid, getcontext().prec, len(bob.entries)
