# %% [markdown]
# # A database in memory
# sqlite3: a schema, transactions, functions of our own, and frames read from queries.

# %%
import sqlite3
from contextlib import closing

import pandas as pd

db = sqlite3.connect(":memory:")
db.row_factory = sqlite3.Row
db.executescript("""
create table customer (id integer primary key, name text not null, city text);
create table orders (id integer primary key, customer references customer, amount real, day text);
""");

# %%
people = [("Ada", "London"), ("Emmy", "Erlangen"), ("Sofia", "Moscow"), ("Mary", "London")]
with db:
    db.executemany("insert into customer (name, city) values (?, ?)", people)
db.total_changes

# %%
import random

random.seed(12)
def day():
    return f"2024-{random.randint(1, 12):02}-{random.randint(1, 28):02}"

orders = [(random.randint(1, 4), round(random.expovariate(0.02), 2), day()) for _ in range(300)]
with db:
    db.executemany("insert into orders (customer, amount, day) values (?, ?, ?)", orders)

# %%
def quarter(day):
    return f"Q{(int(day[5:7]) + 2) // 3}"

db.create_function("quarter", 1, quarter, deterministic=True)
totals = pd.read_sql("select city, quarter(day) as q, sum(amount) as total from orders join customer c "
                     "on c.id = customer group by city, q", db)
totals.head()

# %%
pivot = totals.pivot(index="city", columns="q", values="total").round(0)
pivot

# %%
query = "select name, count(*) as n from customer c join orders on c.id = customer group by c.id order by n"
with closing(db.execute(query)) as cursor:
    counts = {row["name"]: row["n"] for row in cursor}
counts

# %%
try:
    with db:
        db.execute("update orders set amount = 0")
        db.execute("insert into customer (id) values (1)")
except sqlite3.IntegrityError as error:
    problem = str(error)
problem

# %%
row = db.execute("select sum(amount) as s, max(day) as d from orders").fetchone()
summary = dict(row)
summary

# %%
with db:
    db.execute("delete from orders where amount < 5")
left = db.execute("select count(*) from orders").fetchone()[0]
left

# %% tags=["next"]
[tuple(row) for row in db.execute("select quarter(day), count(*) from orders group by 1")], db.in_transaction

# %% tags=["next"]
with db:
    db.execute("insert into customer (name) values ('Grace')")
db.execute("select max(id) from customer").fetchone()[0], random.random()
