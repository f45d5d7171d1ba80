"""What a checkpoint serialises, what that was thought to cost and what it did."""

SLOW = "import time; time.sleep(0.3)\n"  # dearer to run again than anything small is to store


def test_what_is_cheaper_to_recompute_is_not_even_serialised(start):
    process = start()
    process.run(SLOW + "small = bytearray(100_000)")
    first = process.checkpoint()
    assert "small" in first["measured"]["serialize"], "nothing was known about its type"
    process.run("large = bytearray(200_000_000)")
    second = process.checkpoint()
    assert second["variables"]["large"]["action"] == "recompute"
    assert "large" not in second["measured"]["serialize"]


def test_estimates_of_known_types_are_corrected_before_anything_is_written(start):
    process = start()
    process.run(SLOW + "fine = [1, 2]")
    process.checkpoint()
    process.run(SLOW + "broken = [(i for i in range(3))]")
    report = process.checkpoint()
    assert report["variables"]["broken"]["action"] == "recompute"
    assert "generator" in report["variables"]["broken"]["why"]


def test_what_the_target_has_is_free(start, tmp_path):
    cell = SLOW + "x = [bytes([i]) * 300_000 for i in range(10)]"
    first = start()
    first.run(cell)
    assert first.checkpoint(tmp_path / "here")["bytes_written"] > 2_000_000
    again = first.checkpoint(tmp_path / "here")
    assert again["variables"]["x"]["why"] == "already stored" and again["bytes_to_write"] < 100_000
    other = start()
    other.run(cell)
    there = other.checkpoint(tmp_path / "here", plan_only=True)
    assert there["variables"]["x"]["why"] == "already stored"
    elsewhere = other.checkpoint(tmp_path / "elsewhere", plan_only=True)
    assert elsewhere["variables"]["x"]["why"] != "already stored" and elsewhere["bytes_to_write"] > 2_000_000


def test_only_the_changed_part_of_a_large_array_counts(start, tmp_path):
    process = start()
    process.run("import numpy as np; rng = np.random.default_rng(0)", SLOW + "x = rng.random(1_000_000)")
    process.checkpoint(tmp_path / "here")
    process.run(SLOW + "x[5] = 1")
    report = process.checkpoint(tmp_path / "here")
    assert 1_000_000 < report["bytes_to_write"] < 2_500_000
    assert report["variables"]["x"]["bytes"] > 7_000_000


def test_estimates_stand_beside_what_happened(start):
    first = start()
    first.run("x = list(range(1000))", SLOW + "y = [3]\ng = (i for i in y)", "n = 1")
    report = first.checkpoint()
    measured = report["measured"]
    assert measured["serialize"]["x"]["actual_us"] > 0 and measured["serialize"]["x"]["estimated_us"] > 0
    assert measured["write"]["actual_us"] > 0 and measured["write"]["bytes"] == report["bytes_written"]
    assert measured["so_far"]["write"]["count"] == 1 and measured["so_far"]["all"]["mean_error"] >= 0
    second = start()
    back = second.restore()
    assert back["measured"]["load"]["x"]["actual_us"] > 0
    (rerun,) = back["measured"]["rerun"].values()
    assert rerun["estimated_us"] > 200_000 and rerun["actual_us"] > 200_000
    assert back["measured"]["so_far"]["rerun"]["count"] == 1
    later = second.checkpoint()
    assert later["measured"]["so_far"]["rerun"]["count"] == 1, "the session remembers"


def test_explain_shows_both(start):
    process = start()
    process.run("x = list(range(1000))")
    shown = process.run("%checkpoint --explain")["output"]
    assert "estimated" in shown and "took" in shown
    assert "serialize x" in shown and "write" in shown and "mean error" in shown
    shown = process.run("%restore --explain")["output"]
    assert "load x" in shown and "mean error" in shown
