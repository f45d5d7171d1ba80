"""What is loaded is found to be what was stored: a report that cries wolf is not read."""

import pytest

VALUES = {
    "frame": "import pandas as pd\nvalue = pd.DataFrame({'a': range(10), 'b': list('abcdefghij')})",
    "frame with a column added": (
        "import pandas as pd\nvalue = pd.DataFrame({'a': range(10)})\nvalue['b'] = value.a ** 2"
    ),
    "grouped frame": (
        "import pandas as pd\nframe = pd.DataFrame({'a': [1, 2, 1], 'b': [.5, 1., 2.]})\n"
        "value = frame.groupby('a').sum()"
    ),
    "series": "import pandas as pd\nvalue = pd.Series([1., 2.], name='weights')",
    "categorical column": (
        "import pandas as pd\nframe = pd.DataFrame({'c': pd.Categorical(list('aab'))})\n"
        "value = frame.c"
    ),
    "indexed by time": (
        "import pandas as pd\n"
        "frame = pd.DataFrame({'t': pd.date_range('2020', periods=3, tz='UTC'), 'x': 1})\n"
        "value = frame.set_index('t')"
    ),
    "merged, filtered and text": (
        "import pandas as pd\nframe = pd.DataFrame({'k': list('aab'), 'x': range(3)})\n"
        "indexed = frame.set_index('k')\nvalue = frame[frame.k.str.upper() == 'A'].merge(frame, on='k')"
    ),
    "array": "import numpy as np\nvalue = np.arange(10.).reshape(2, 5)",
    "view": "import numpy as np\nbase = np.arange(10.)\nvalue = base[2:]",
    "enum": (
        "import enum\nclass Colour(enum.Enum):\n    RED = 1\n    GREEN = 2\nvalue = [Colour.RED, Colour]"
    ),
    "dataclass": (
        "import dataclasses\n@dataclasses.dataclass\nclass Point:\n    x: int\n    y: list\n"
        "value = Point(1, [2])"
    ),
    "model": (
        "from sklearn.linear_model import LinearRegression\n"
        "value = LinearRegression().fit([[1.], [2.], [4.]], [1., 2., 3.])"
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_stored_value_comes_back_as_the_same(start, name):
    first = start()
    first.run(VALUES[name])
    first.checkpoint(plan="store-all")
    report = start().restore()
    assert {entry["status"] for entry in report["variables"].values()} == {"same"}, report["variables"]


def test_attributes_of_a_frame_keep_their_order(start):
    first = start()
    first.run("import pandas as pd\nframe = pd.DataFrame({'a': [1]})\nseries = frame.a")
    names = "[list(vars(frame)), list(vars(series))]"
    expected = first.value(names)
    first.checkpoint(plan="store-all")
    second = start()
    second.restore()
    assert second.value(names) == expected
