"""scikit-learn's trees of neighbours: not opaque, and only queries change one by itself."""

import copy
import pickle

import numpy as np
import pytest
from test_walk_of_libraries import check_no_change, check_seen, content_of
from walk_values import core_walk

neighbors = pytest.importorskip("sklearn.neighbors")

POINTS = np.random.default_rng(1).random((60, 3))
KINDS = {"KDTree": neighbors.KDTree, "BallTree": neighbors.BallTree}


def state_of(walk):
    walk.walk()
    return walk.state("v")


QUERIES = {
    "query": lambda v: v.query(POINTS[:2], k=3),
    "radius": lambda v: v.query_radius(POINTS[:2], 0.3),
    "density": lambda v: v.kernel_density(POINTS[:2], 0.3),
    "count reset": lambda v: v.reset_n_calls(),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", QUERIES)
def test_a_query_counts_and_leaves_the_content(kind, name):
    tree = KINDS[kind](POINTS.copy())
    tree.query(POINTS[:1])
    walk = core_walk().Walk({"v": tree})
    before = state_of(walk)
    assert not before["opaque"] and walk.recheck() == {"v": "unchanged"}
    counts = tree.get_n_calls(), tree.get_tree_stats()
    QUERIES[name](tree)
    assert (tree.get_n_calls(), tree.get_tree_stats()) != counts
    assert walk.recheck() == {"v": "maybe_changed"}
    after = state_of(walk)
    assert after["content"] == before["content"] and after["identity"] != before["identity"]


@pytest.mark.parametrize("kind", KINDS)
def test_trees_are_told_from_others_and_come_back_as_they_were(kind):
    make = KINDS[kind]
    other = POINTS.copy()
    other[7, 1] = -1
    trees = [make(POINTS), make(other), make(POINTS[:-1]), make(POINTS, leaf_size=7),
             make(POINTS, metric="manhattan"), make(POINTS, metric="minkowski", p=3),
             make(POINTS, metric="minkowski", p=4)]
    assert len(set(map(content_of, trees))) == len(trees)
    for tree in trees:
        again, copied = pickle.loads(pickle.dumps(tree)), copy.deepcopy(tree)
        assert content_of(tree) == content_of(again) == content_of(copied)
    check_no_change(trees[0], lambda v: (v.get_arrays(), v.get_tree_stats(), v.get_n_calls()))
    check_seen(trees[0], lambda v: v.__setstate__(trees[1].__getstate__()))
    check_seen(make(POINTS.copy()), lambda v: v.get_arrays()[0].__setitem__((0, 0), 9))
    check_seen(make(POINTS.copy()), lambda v: v.get_arrays()[1].__setitem__(0, 5))


@pytest.mark.parametrize("kind", KINDS)
def test_a_tree_over_the_memory_of_an_array_is_linked_with_it(kind):
    points = POINTS.copy()
    tree = KINDS[kind](points)
    assert np.shares_memory(tree.get_arrays()[0], points)
    walk = core_walk().Walk({"tree": tree, "points": points, "other": KINDS[kind](POINTS)})
    walk.walk()
    assert sorted(map(sorted, walk.co_variables())) == [["other"], ["points", "tree"]]
    assert not walk.stands_apart("tree")
    check_seen(tree, lambda _: points.__setitem__((3, 1), -2))


def test_estimators_with_a_tree_are_seen_into():
    model = neighbors.KNeighborsClassifier(algorithm="kd_tree").fit(POINTS, POINTS[:, 0] > 0.5)
    before = content_of(model)
    model.predict(POINTS[:3])
    assert content_of(model) == before == content_of(pickle.loads(pickle.dumps(model)))
    check_seen(model, lambda v: v.fit(POINTS[:50], POINTS[:50, 1] > 0.5))
    check_seen(model, lambda v: v.set_params(n_neighbors=2))


def test_a_metric_in_python_stays_opaque():
    tree = neighbors.BallTree(POINTS, metric=lambda a, b: abs(a - b).sum())
    walk = core_walk().Walk({"v": tree})
    assert state_of(walk)["opaque"] and walk.recheck() == {"v": "opaque"}
