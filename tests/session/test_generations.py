"""Checkpoint, restore, and so on: the sixth generation is the session that one process would have been."""

GENERATIONS = 6

CELLS = [
    "import random, numpy as np, pandas as pd\nrandom.seed(3); np.random.seed(4)\nlog = []; alias = log",
    """
class Account:
    def __init__(self): self.sums = [0]; self.log = log
    def pay(self, n): self.sums.append(self.sums[-1] + n); self.log.append(n)
account = Account()
frame = pd.DataFrame({'a': np.arange(6.), 'b': list('xyxyxy')})
""",
    "import matplotlib; matplotlib.use('agg')\nimport matplotlib.pyplot as plt\nfig, ax = plt.subplots()",
    "ticket = (i for i in range(100))",
    "log",
]

STEP = """
account.pay(random.randrange(100))
frame['c{step}'] = np.random.rand(6)
line, = ax.plot(account.sums)
def latest(): return account.sums[-1], len(frame.columns), {step}
account.sums[-1]
"""

QUESTION = (
    "[log, alias is log is account.log, account.sums, type(account) is Account, latest(),"
    " frame.round(9).values.tolist(), len(ax.lines), ax.figure is fig, line.axes is ax,"
    " random.random(), float(np.random.rand()), next(ticket), Out[5] is log, len(In), _]"
)


def test_six_generations_are_one_session(start):
    one = start()
    one.run(*CELLS)
    for step in range(GENERATIONS):
        one.run(STEP.format(step=step))
    expected = one.value(QUESTION)

    process = start()
    process.run(*CELLS)
    outside = []
    for step in range(GENERATIONS):
        process.run(STEP.format(step=step))
        process.checkpoint()
        process.kill()
        process = start()
        report = process.restore()
        statuses = {entry["status"] for entry in report["variables"].values()}
        assert statuses <= {"same", "recomputed"}, report["variables"]
        outside.append(sum(entry["outside_cell"] for entry in process.call("history")))
    assert process.value(QUESTION) == expected
    assert outside[0] == outside[-1], "each generation adds to the history what no cell did"
