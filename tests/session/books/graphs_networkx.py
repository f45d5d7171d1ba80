# %% [markdown]
# # A social network
# networkx: the karate club, centralities, communities, a flow, and a graph changed in place.

# %%
import networkx as nx
import numpy as np
from networkx.algorithms import community

club = nx.karate_club_graph()
club.number_of_nodes(), club.number_of_edges()

# %%
centrality = {"degree": nx.degree_centrality(club), "between": nx.betweenness_centrality(club)}
top = sorted(centrality["between"], key=centrality["between"].get, reverse=True)[:3]
top

# %%
parts = [set(each) for each in community.greedy_modularity_communities(club)]
for number, part in enumerate(parts):
    for node in part:
        club.nodes[node]["part"] = number
[len(part) for part in parts]

# %%
layout = nx.spring_layout(club, seed=4)
spread = np.array(list(layout.values())).std(axis=0)
spread.round(4)

# %%
def part_of(node):
    return club.nodes[node]["part"]

bridges = club.edge_subgraph([(a, b) for a, b in club.edges if part_of(a) != part_of(b)])
bridges.number_of_edges()

# %%
pipes = nx.DiGraph()
widths = [("s", "a", 4), ("s", "b", 2), ("a", "b", 3), ("a", "t", 1), ("b", "t", 5)]
pipes.add_weighted_edges_from(widths, "capacity")
value, flow = nx.maximum_flow(pipes, "s", "t")
value

# %%
def rewire(graph, rng, swaps):
    """Swaps ends of random edges, in place."""
    for _ in range(swaps):
        chosen = rng.choice(graph.number_of_edges(), 2, replace=False)
        (a, b), (c, d) = (list(graph.edges)[i] for i in chosen)
        if len({a, b, c, d}) == 4 and not graph.has_edge(a, d) and not graph.has_edge(c, b):
            graph.remove_edges_from([(a, b), (c, d)])
            graph.add_edges_from([(a, d), (c, b)])

rng = np.random.default_rng(9)
random_club = club.copy()
rewire(random_club, rng, 30)
round(nx.transitivity(random_club), 4)

# %%
club[0][1]["weight"] = 99
views = {"club": club, "neighbours": club.adj[0], "tree": nx.minimum_spanning_tree(club, weight=None)}
views["neighbours"][1]["weight"]

# %%
paths = dict(nx.all_pairs_shortest_path_length(club))
np.mean([length for lengths in paths.values() for length in lengths.values()]).round(4)

# %% tags=["next"]
club[1][0]["weight"], views["club"] is club, views["neighbours"][1] is club[0][1], bridges.has_edge(0, 1)

# %% tags=["next"]
club.remove_node(33)
len(views["neighbours"]), nx.number_connected_components(club), flow["s"], rng.integers(99)
