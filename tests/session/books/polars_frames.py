# %% [markdown]
# # Penguins, more or less
# polars: expressions, lazy frames, joins, and Arrow tables beside.

# %%
import numpy as np
import polars as pl

rng = np.random.default_rng(1)
birds = pl.DataFrame({
    "species": rng.choice(["adelie", "gentoo", "chinstrap"], 200).tolist(),
    "bill": rng.normal(44, 5, 200).round(1),
    "mass": rng.integers(2700, 6300, 200),
})
birds.shape

# %%
means = birds.group_by("species").agg(pl.col("bill").mean().round(2), pl.len().alias("n")).sort("species")
means.to_dicts()

# %%
lazy = birds.lazy().with_columns((pl.col("mass") / 1000).alias("kg")).filter(pl.col("kg") > 4)
heavy = lazy.collect()
heavy.height

# %%
islands = pl.DataFrame({"species": ["adelie", "gentoo"], "island": ["Torgersen", "Biscoe"]})
joined = birds.join(islands, on="species", how="left")
joined["island"].null_count()

# %%
ratio = (pl.col("bill") / pl.col("mass") * 1000).alias("ratio")
ranked = joined.with_columns(ratio, pl.col("mass").rank("dense").over("species").alias("rank"))
ranked.select(pl.col("ratio").max().round(4)).item()

# %%
import pyarrow as pa
import pyarrow.compute as pc

table = joined.to_arrow()
big = table.filter(pc.greater(table["mass"], 5000))
batches = big.to_batches(max_chunksize=20)
big.num_rows

# %%
birds[0, "bill"] = 0.0
kinds = birds["species"].cast(pl.Categorical)
nested = means.with_columns(pl.struct("bill", "n").alias("both"), pl.lit([1, 2]).alias("list"))
nested.columns

# %%
views = {"birds": birds, "first": birds.head(5), "mass": birds["mass"]}
views["first"]["bill"][0]

# %% tags=["next"]
views["birds"] is birds, lazy.collect().height, heavy.select(ratio).height, birds[0, "bill"]

# %% tags=["next"]
pa.concat_tables([big, table]).num_rows, nested["both"][0], kinds.dtype == pl.Categorical, rng.random()
