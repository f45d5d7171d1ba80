# %% [markdown]
# # A small library
# Classes as people write them: inheritance, properties, dataclasses, enums, registries, descriptors, caches.

# %%
import abc
import enum
import functools
import weakref
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

class Kind(enum.Enum):
    BOOK = "book"
    DISC = "disc"

    @property
    def days(self):
        return {Kind.BOOK: 28, Kind.DISC: 7}[self]

class Place(NamedTuple):
    row: int
    shelf: str

# %%
class Registry(type):
    """Knows every class made with it."""

    known = {}

    def __new__(meta, name, bases, namespace):
        made = super().__new__(meta, name, bases, namespace)
        meta.known[name] = made
        return made

class Item(metaclass=Registry):
    count = 0

    def __init__(self, title, kind=Kind.BOOK):
        self.title, self.kind = title, kind
        self.loans = []
        type(self).count += 1

    @property
    def due(self):
        return self.kind.days * len(self.loans)

    def __repr__(self):
        return f"<{type(self).__name__} {self.title}>"

# %%
class Rare(Item):
    __slots__ = ("insured",)

    def __init__(self, title, insured):
        super().__init__(title)
        self.insured = insured

    @functools.lru_cache(maxsize=8)
    def premium(self, rate):
        return round(self.insured * rate, 2)

shelf = {Place(1, "a"): Item("Emma"), Place(1, "b"): Item("Quartet", Kind.DISC)}
shelf[Place(2, "a")] = Rare("Folio", 9e5)
sorted(Registry.known)

# %%
@dataclass(order=True)
class Reader:
    name: str
    age: int = field(compare=False)
    borrowed: list = field(default_factory=list, repr=False)

    def borrow(self, item):
        self.borrowed.append(item)
        item.loans.append(self)
        return self

ada, emmy = Reader("Ada", 36), Reader("Emmy", 53)
ada.borrow(shelf[Place(1, "a")]).borrow(shelf[Place(2, "a")])

# %%
class Positive:
    """A descriptor."""

    def __set_name__(self, owner, name):
        self.name = f"_{name}"

    def __get__(self, instance, owner):
        return self if instance is None else getattr(instance, self.name)

    def __set__(self, instance, value):
        if value <= 0:
            raise ValueError(f"{self.name[1:]} must be positive")
        setattr(instance, self.name, value)

class Fine:
    amount = Positive()

    def __init__(self, amount):
        self.amount = amount

fines = [Fine(2), Fine(3)]
fines[0].amount += 5

# %%
Item.describe = lambda self: f"{self.title} ({self.kind.value}), due in {self.due}"
[item.describe() for item in shelf.values()]

# %%
class Visitor(abc.ABC):
    @abc.abstractmethod
    def visit(self, item): ...

class Counting(Visitor):
    def __init__(self):
        self.seen = weakref.WeakSet()
        self.by_kind = {}

    def visit(self, item):
        self.seen.add(item)
        self.by_kind[item.kind] = self.by_kind.get(item.kind, 0) + 1

counting = Counting()
for item in shelf.values():
    counting.visit(item)
counting.by_kind

# %%
@functools.singledispatch
def show(value):
    return repr(value)

@show.register
def _(value: Item):
    return value.describe()

@show.register
def _(value: list):
    return "; ".join(map(show, value))

show(ada.borrowed)

# %%
class Account:
    __slots__ = ("owner", "_balance", "__weakref__")
    interest = 0.01

    def __init__(self, owner):
        self.owner, self._balance = owner, 0

    def __iadd__(self, amount):
        self._balance += amount
        return self

    @classmethod
    def with_interest(cls, rate):
        return type("Special", (cls,), {"interest": rate, "__module__": __name__})

account = Account(emmy)
account += 10
Special = Account.with_interest(0.05)
special = Special(ada)

# %% tags=["next"]
emmy.borrow(shelf[Place(1, "b")])
shelf[Place(1, "b")].due, shelf[Place(1, "a")].loans[0] is ada, show(emmy.borrowed), Item.count, Rare.count

# %% tags=["next"]
account += 5
account._balance, account.owner is emmy, special.interest, isinstance(special, Account), len(counting.seen)

# %% tags=["next"]
class Atlas(Item): pass
sorted(Registry.known), Kind("disc") is Kind.DISC, shelf[Place(2, "a")].premium(0.01), max(ada, emmy).name
