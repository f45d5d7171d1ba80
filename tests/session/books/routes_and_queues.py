# %% [markdown]
# # A town's buses
# Named tuples, enums, heaps, a priority queue, caches and a small event simulation.

# %%
import heapq
import math
import random
from collections import ChainMap, OrderedDict, namedtuple
from enum import Enum, Flag, auto
from functools import lru_cache, partial, reduce, singledispatch

Stop = namedtuple("Stop", "name x y", defaults=(0.0, 0.0))

class Service(Flag):
    DAY = auto()
    NIGHT = auto()
    ALWAYS = DAY | NIGHT

random.seed(4)
stops = {name: Stop(name, random.randint(0, 90) / 10, random.randint(0, 90) / 10) for name in "ABCDEFGH"}
stops["A"], Service.ALWAYS & Service.NIGHT

# %%
def distance(a, b):
    return math.hypot(a.x - b.x, a.y - b.y)

roads = {name: {} for name in stops}
for name, stop in stops.items():
    for other in sorted(stops.values(), key=partial(distance, stop))[1:4]:
        roads[name][other.name] = roads[other.name][name] = round(distance(stop, other), 3)
sum(map(len, roads.values()))

# %%
@lru_cache(maxsize=None)
def shortest(start, goal):
    """Dijkstra: length and stops."""
    queue, done = [(0.0, start, (start,))], set()
    while queue:
        length, here, path = heapq.heappop(queue)
        if here == goal:
            return round(length, 3), path
        if here in done:
            continue
        done.add(here)
        for there, step in roads[here].items():
            if there not in done:
                heapq.heappush(queue, (length + step, there, path + (there,)))
    return math.inf, ()

shortest("A", "H"), shortest("A", "H"), shortest.cache_info().hits

# %%
class Kind(Enum):
    ARRIVES = "arrives"
    LEAVES = "leaves"

class Depot:
    """Events by time; each may make others."""

    def __init__(self):
        self.queue, self.log, self.clock = [], [], 0.0

    def at(self, time, kind, bus, place):
        heapq.heappush(self.queue, (time, kind.value, bus, place))

    def run(self, until):
        while self.queue and self.queue[0][0] <= until:
            self.clock, kind, bus, place = heapq.heappop(self.queue)
            self.log.append((round(self.clock, 2), kind, bus, place))
            if Kind(kind) is Kind.ARRIVES:
                self.at(self.clock + random.expovariate(2), Kind.LEAVES, bus, place)
            else:
                there = random.choice(sorted(roads[place]))
                self.at(self.clock + roads[place][there], Kind.ARRIVES, bus, there)

depot = Depot()
for number, place in enumerate("ACE"):
    depot.at(number * 0.5, Kind.LEAVES, number, place)
depot.run(10)
len(depot.log), depot.log[-1]

# %%
@singledispatch
def shown(value):
    return str(value)

@shown.register
def _(value: tuple):
    return " > ".join(map(shown, value))

@shown.register(float)
def _(value):
    return f"{value:.1f} km"

shown(shortest("A", "H"))

# %%
defaults, weekend = {"every": 10, "service": Service.DAY}, {"every": 20}
timetable = ChainMap({}, weekend, defaults)
timetable["line"] = 7
recent = OrderedDict((entry[2], entry) for entry in depot.log[-6:])
recent.move_to_end(min(recent))
list(recent), timetable["every"], reduce(lambda a, b: a | b, [Service.DAY, Service.NIGHT]) is Service.ALWAYS

# %% tags=["next"]
depot.run(14)
depot.log[-2:], random.random()

# %% tags=["next"]
weekend["every"] = 30
timetable["every"], shown(stops["B"][:2]), next(iter(recent)), stops["C"]._fields
