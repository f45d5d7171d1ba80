# %% [markdown]
# # Orders in Arrow
# pyarrow tables, dictionaries, parquet in memory, and the way to pandas and back.

# %%
import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

rng = np.random.default_rng(5)
count = 2000
orders = pa.table({
    "order": pa.array(range(count)),
    "city": pa.array(rng.choice(["Oslo", "Lima", "Cairo", None], count)),
    "amount": pa.array(np.round(rng.gamma(2, 30, count), 2)),
    "when": pa.array(pd.date_range("2024-01-01", periods=count, freq="h")),
    "items": pa.array([list(range(number % 4)) for number in range(count)]),
})
orders.schema.names, orders.num_rows

# %%
by_city = orders.group_by("city").aggregate([("amount", "sum"), ("order", "count")]).sort_by("city")
by_city.column("order_count").to_pylist()

# %%
large = orders.filter(pc.greater(orders["amount"], 100))
months = pc.month(large["when"])
large = large.append_column("month", months).append_column("place", large["city"].dictionary_encode())
large.num_rows, pc.max(large["amount"]).as_py()

# %%
buffer = io.BytesIO()
pq.write_table(large, buffer, compression="zstd")
back = pq.read_table(io.BytesIO(buffer.getvalue()), columns=["order", "amount"])
back.equals(large.select(["order", "amount"]))

# %%
frame = large.to_pandas(types_mapper=pd.ArrowDtype)
frame["rank"] = frame["amount"].rank()
top = frame.nlargest(5, "amount")[["order", "amount"]]
top

# %%
batches = orders.to_batches(max_chunksize=512)
chunked = pa.Table.from_batches(batches[1:])
sliced = chunked.slice(100, 50)
len(batches), sliced["order"][0].as_py()

# %%
prices = pa.array([1.5, 2.5, None])
record = pa.struct([("name", pa.string()), ("tags", pa.list_(pa.string()))])
people = pa.array([{"name": "Ada", "tags": ["maths"]}, {"name": "Alan", "tags": []}, None], record)
prices.null_count, people.field("name").to_pylist()

# %% tags=["next"]
frame.groupby("month")["amount"].sum().round(2).to_dict(), by_city["city"].to_pylist()

# %% tags=["next"]
large["place"].chunk(0).dictionary.to_pylist(), people[0].as_py(), str(orders.schema.field("items").type)
