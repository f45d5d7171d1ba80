# %% [markdown]
# # Waiting for several things
# Top-level await, queues, locks, async generators and context managers.

# %%
import asyncio
from contextlib import asynccontextmanager

async def fetch(name, delay=0.001):
    await asyncio.sleep(delay)
    return {"name": name, "size": len(name)}

first = await fetch("index")
first

# %%
pages = await asyncio.gather(*(fetch(name) for name in ("about", "contact", "imprint")))
sizes = {page["name"]: page["size"] for page in pages}
sizes

# %%
async def count_to(limit):
    for number in range(limit):
        await asyncio.sleep(0)
        yield number

squares = [number**2 async for number in count_to(5)]
squares

# %%
class Pool:
    """Hands out a limited number of workers."""

    def __init__(self, size):
        self.free = list(range(size))
        self.log = []

    @asynccontextmanager
    async def worker(self):
        number = self.free.pop()
        self.log.append(number)
        try:
            yield number
        finally:
            self.free.append(number)

pool = Pool(2)
async with pool.worker() as one:
    async with pool.worker() as two:
        used = one, two
used

# %%
async def producer(queue, items):
    for item in items:
        await queue.put(item)
    await queue.put(None)

async def consumer(queue, results):
    while (item := await queue.get()) is not None:
        results.append(item * 2)

results = []
queue = asyncio.Queue()
await asyncio.gather(producer(queue, [1, 2, 3]), consumer(queue, results))
results

# %%
async def flaky(attempts):
    attempts.append(len(attempts))
    if len(attempts) < 3:
        raise ConnectionError("again")
    return "done"

async def retry(action, *arguments, times=5):
    for _ in range(times):
        try:
            return await action(*arguments)
        except ConnectionError:
            await asyncio.sleep(0)

attempts = []
outcome = await retry(flaky, attempts)
outcome, attempts

# %%
try:
    await asyncio.wait_for(asyncio.sleep(5), timeout=0.001)
except asyncio.TimeoutError:
    timed_out = True

# %%
def sync_part(pages):
    return sorted(pages, key=lambda page: page["size"])

ranked = sync_part([first, *pages])
ranked[0] is first

# %%
async with pool.worker() as number:
    ranked.append(await fetch(f"worker {number}"))
pool.log

# %% tags=["next"]
more = await asyncio.gather(*(fetch(page["name"] * 2) for page in ranked[:2]))
[page["size"] for page in more], ranked[1] in pages, pool.free

# %% tags=["next"]
await retry(flaky, []), [n async for n in count_to(2)], queue.empty(), ranked[0] is first
