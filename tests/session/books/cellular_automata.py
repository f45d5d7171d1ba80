# %% [markdown]
# # Life
# Arrays changed in place cell by cell, views, bit tricks, a history of frames.

# %%
import numpy as np

rng = np.random.default_rng(42)
world = (rng.random((40, 60)) < 0.3).astype(np.uint8)
corner = world[:10, :10]
world.sum()

# %%
def step(world):
    """One generation, in place."""
    padded = np.pad(world, 1, mode="wrap")
    shape = (3, 3, *world.shape)
    around = np.lib.stride_tricks.as_strided(padded, shape, padded.strides * 2).sum(axis=(0, 1)) - world
    world[:] = (around == 3) | ((world == 1) & (around == 2))
    return world

step(world) is world

# %%
frames = [world.copy()]
for _ in range(20):
    frames.append(step(world).copy())
[int(frame.sum()) for frame in frames[::5]]

# %%
glider = np.array([[0, 1, 0], [0, 0, 1], [1, 1, 1]], np.uint8)
corner[:] = 0
corner[2:5, 2:5] = glider
world[3, 4], corner.base is world

# %%
packed = np.packbits(np.stack(frames), axis=-1)
packed.nbytes, packed.shape

# %%
def rule(number):
    table = [(number >> i) & 1 for i in range(8)]
    def evolve(row):
        return [table[4 * a + 2 * b + c] for a, b, c in zip([0, *row], row, [*row[1:], 0])]
    return evolve

thirty = rule(30)
rows = [[0] * 20 + [1] + [0] * 20]
for _ in range(15):
    rows.append(thirty(rows[-1]))
"".join(map(str, rows[-1]))

# %%
ages = np.zeros(world.shape, dtype=np.int16)
for frame in frames:
    ages = np.where(frame, ages + 1, 0)
oldest = np.unravel_index(ages.argmax(), ages.shape)
ages[oldest]

# %% tags=["next"]
for _ in range(4):
    step(world)
corner[:6, :6].tolist(), world.sum(), np.shares_memory(world, corner)

# %% tags=["next"]
rows.append(thirty(rows[-1]))
unpacked = np.unpackbits(packed[3], axis=-1)[:, :60]
sum(rows[-1]), thirty.__closure__[0].cell_contents, unpacked.sum(), rng.random()
