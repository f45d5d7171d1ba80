# %% [markdown]
# # How notebooks are really run
# Cells are run again, before others, after edits; the result depends on all of it.
# order: 1 2 3 5 4 3 3 6 2 7 4 8 6 5 9 8

# %%
import random

random.seed(5)
data = [random.randint(1, 9) for _ in range(6)]
total = 0
seen = set()

# %%
data.append(random.randint(10, 99))
len(data)

# %%
total += sum(data)
data = [value * 2 for value in data]
total

# %%
seen.update(data[:3])
snapshot = list(data)
alias = data

# %%
def scale(values, by=2):
    global total
    total -= by
    return [value / by for value in values]

scaled = scale(data)

# %%
data.sort()
del data[0]
best = max(data, key=lambda value: value % 10)
best

# %%
alias.append("end")
data is alias

# %%
counter = globals().get("counter", 0) + 1
text = f"run {counter}: {total}"
text

# %%
data = [value for value in data if isinstance(value, int)]
parts = [data, data[:2], scaled]
parts[0] is data

# %% tags=["next"]
alias.append(1)
total, counter, text, snapshot, data, alias, sorted(seen)

# %% tags=["next"]
data = scale(data)
data, total, best, parts, random.random()
