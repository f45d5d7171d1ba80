"""The planner's minimum cut beside networkx's, on the same networks.

    python benchmarks/plan_vs_networkx.py build/release/benchmarks/plan_benchmark [CELLS ...]

Prints, per size, the processor time of both in milliseconds and checks that both find the same value.
networkx is given uncuttable arcs as arcs without a capacity, which is how it spells infinity.
"""

import subprocess
import sys
import tempfile
import time

import networkx


def read_network(path):
    """The flow that plan_benchmark found, and its network as a networkx graph."""
    graph = networkx.DiGraph()
    graph.add_nodes_from(("s", "t"))
    with open(path) as lines:
        flow = int(next(lines).split()[2])
        for line in lines:
            tail, head, capacity = line.split()
            if capacity == "-1":
                graph.add_edge(tail, head)
            elif graph.has_edge(tail, head):
                if "capacity" in graph[tail][head]:
                    graph[tail][head]["capacity"] += int(capacity)
            else:
                graph.add_edge(tail, head, capacity=int(capacity))
    return flow, graph


def main(benchmark, sizes):
    print(f"{'cells':>8} {'nodes':>8} {'arcs':>8} {'ours ms':>10} {'networkx ms':>12} {'ratio':>8}")
    for cells in sizes:
        with tempfile.NamedTemporaryFile() as file:
            output = subprocess.run(
                [benchmark, "--export", str(cells), file.name], check=True, capture_output=True, text=True
            ).stdout
            flow, graph = read_network(file.name)
        ours = float(output)
        start = time.process_time()
        value, _ = networkx.minimum_cut(graph, "s", "t")
        theirs = (time.process_time() - start) * 1000
        if value != flow:
            sys.exit(f"{cells} cells: networkx finds {value}, plan_benchmark {flow}")
        print(
            f"{cells:>8} {graph.number_of_nodes():>8} {graph.number_of_edges():>8} "
            f"{ours:>10.3f} {theirs:>12.1f} "
            f"{theirs / ours:>8.0f}"
        )


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], [int(size) for size in sys.argv[2:]] or [250, 500, 1000, 2000, 5000])
