"""How far the cost model's estimates are from what then happened.

    python benchmarks/cost_benchmark.py [ROUNDS]

A session of plain Python, numpy and pandas values grows and changes; each round is a checkpoint and a restore
in a new process, which goes on from there with the rates learned. Prints the mean error by kind: total of
|estimate - actual| over total actual. The first round has nothing to estimate from.
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests/session"), str(ROOT / "src/python")]

from processes import Process  # noqa: E402

SETUP = "import os, random, time\nimport numpy as np\nimport pandas as pd"
ROUND = """
scale = {scale}
time.sleep(0.2); rows = [dict(a=i, b=str(i), c=[i, i + 1]) for i in range(20_000 * scale)]
time.sleep(0.2); words = {{str(i): float(i) for i in range(50_000 * scale)}}
time.sleep(0.2); array = np.random.default_rng({scale}).random(1_000_000 * scale)
time.sleep(0.2); n = 100_000 * scale; frame = pd.DataFrame(dict(x=range(n), y=[str(i) for i in range(n)]))
time.sleep(0.2); blob = os.urandom(5_000_000 * scale)
total = sum(len(row["b"]) for row in rows)
"""


def errors_of(report):
    return ", ".join(
        f"{kind} {each['mean_error']:.0%}"
        for kind, each in report["measured"]["so_far"].items()
        if each["mean_error"] is not None
    )


def main(rounds):
    with tempfile.TemporaryDirectory() as directory:
        process = Process(Path(directory))
        process.run(SETUP)
        for number in range(rounds):
            for cell in ROUND.format(scale=number % 3 + 1).strip().splitlines():
                process.run(cell)
            written = process.checkpoint(Path(directory) / "store")
            process.kill()
            process = Process(Path(directory))
            restored = process.restore(Path(directory) / "store")
            both = f"checkpoint: {errors_of(written)}; restore: {errors_of(restored)}"
            print(f"round {number + 1}: {both}", flush=True)
        process.kill()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 6)
