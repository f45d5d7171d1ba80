"""What becomes of a large session when its client shuts the kernel down, as Jupyter's clients do it.

The client asks for the shutdown, and kills the process group 5 s later. At once after the reply
the next kernel of the same notebook is started and asked to restore, which waits for the writer. What came
back is compared. Needs about four times the session's size in memory and as much on the disk as it is large:

    python benchmarks/shutdown_benchmark.py [--gigabytes N] [--directory PLACE]
"""

import argparse
import os
import signal
import tempfile
import threading
import time

from jupyter_client import KernelManager

SETUP = "import numpy as np, pandas as pd; rng = np.random.default_rng(1)"
# Two thirds in arrays, a third in a frame.
LARGE = (
    "arrays = [rng.random({count}) for _ in range(5)]\n"
    "frame = pd.DataFrame({{f'c{{i}}': rng.random({count} // 4) for i in range(10)}})"
)
MANY = "many = [{'a': i, 'b': str(i)} for i in range(2_000_000)]"
SUMS = "[[float(each[::1000].sum()) for each in arrays], float(frame.c3.sum())]"
# What the user looks at before going: the walk after a cell is done by then.
LOOKING_S = 6
GRACE_S = 5


class Kernel:
    def __init__(self, directory):
        environment = os.environ | {"JPY_SESSION_NAME": f"{directory}/book.ipynb",
                                    "XDG_DATA_HOME": f"{directory}/data"}
        self.manager = KernelManager(kernel_name="elasticpython")
        self.manager.start_kernel(env=environment, cwd=directory)
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(60)

    def run(self, code):
        """The text that the cell wrote."""
        texts = []

        def hook(message):
            if message["msg_type"] == "stream":
                texts.append(message["content"]["text"])

        reply = self.client.execute_interactive(code, timeout=600, output_hook=hook)
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(texts)

    def kill_group(self):
        try:
            os.killpg(self.manager.provisioner.pgid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has gone by itself


def one_round(directory, cells):
    kernel = Kernel(directory)
    for cell in (SETUP, *cells):
        kernel.run(cell)
    before = kernel.run(f"print({SUMS})")
    time.sleep(LOOKING_S)
    begun = time.monotonic()
    threading.Timer(GRACE_S, kernel.kill_group).start()
    kernel.client.shutdown()
    kernel.client.get_control_msg(timeout=60)
    replied = time.monotonic() - begun
    following = Kernel(directory)
    try:
        said = following.run("%restore")
        restored = time.monotonic() - begun
        after = following.run(f"print({SUMS})")
    finally:
        following.manager.shutdown_kernel(now=True)
    return replied, restored, "waiting for it" in said, before == after


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--gigabytes", type=float, default=3)
    parser.add_argument("--directory", help="where the stores lie meanwhile")
    options = parser.parse_args()
    large = LARGE.format(count=int(options.gigabytes * 1e9 / 8 / 7.5))
    for name, cells in (("arrays and a frame", [large]), ("and 2 million small dicts", [large, MANY])):
        with tempfile.TemporaryDirectory(prefix="elastic-shutdown-", dir=options.directory) as directory:
            replied, restored, waited, same = one_round(directory, cells)
        how = ", having waited" if waited else ""
        print(
            f"{options.gigabytes:.1f} GB, {name}: reply after {replied:.2f} s, restored by the next kernel "
            f"after {restored:.2f} s{how}: {'the same' if same else 'NOT THE SAME'}"
        )


if __name__ == "__main__":
    main()
