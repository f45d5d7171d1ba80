# %% [markdown]
# # A stream of readings
# Generators, itertools and a consumer that keeps its place: what cannot be stored is run again.

# %%
import itertools
import statistics
from collections import deque

def readings(seed, count):
    """A small linear congruential sensor."""
    state = seed
    for _ in range(count):
        state = (1103515245 * state + 12345) % 2**31
        yield state / 2**31 * 40 - 10

sensor = readings(7, 200)
first = [round(next(sensor), 3) for _ in range(5)]
first

# %%
def windows(stream, size):
    """Sliding windows over any iterable."""
    held = deque(maxlen=size)
    for value in stream:
        held.append(value)
        if len(held) == size:
            yield tuple(held)

smoothed = (statistics.fmean(window) for window in windows(readings(3, 50), 5))
head = list(itertools.islice(smoothed, 3))
[round(value, 4) for value in head]

# %%
class Consumer:
    """Takes from an iterator and remembers what it saw."""

    def __init__(self, source):
        self.source = iter(source)
        self.seen = []

    def take(self, count):
        self.seen.extend(itertools.islice(self.source, count))
        return self.seen[-1]

consumer = Consumer(range(0, 1000, 7))
consumer.take(4)

# %%
counter = itertools.count(100, 10)
tickets = [next(counter) for _ in range(3)]
pairs = zip("abcdef", counter)
opening = next(pairs)
tickets, opening

# %%
def running_mean():
    """A coroutine in the old style: send values, get means."""
    total, count, mean = 0.0, 0, None
    while True:
        value = yield mean
        total, count = total + value, count + 1
        mean = total / count

mean = running_mean()
next(mean)
[mean.send(value) for value in (10, 20, 60)]

# %%
consumer.take(10)
alarms = [(place, value) for place, value in enumerate(consumer.seen) if value % 3 == 0]
len(alarms), alarms[-1]

# %%
table = {name: list(group) for name, group in itertools.groupby(sorted(consumer.seen), key=lambda v: v // 50)}
summary = {name: (len(values), max(values)) for name, values in table.items()}
summary

# %% tags=["next"]
next(counter), next(pairs), consumer.take(1), mean.send(30)

# %% tags=["next"]
round(next(sensor), 3), round(next(smoothed), 4)
