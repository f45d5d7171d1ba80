"""Objects of the process and of libraries that variables hold, and what is found where it is unpickled."""
from . import case

case("objects_of_the_process_stay_those", """
import os, sys, warnings, decimal, random
held = {'environ': os.environ, 'path': sys.path, 'modules': sys.modules, 'filters': warnings.filters,
        'context': decimal.getcontext(), 'random': random._inst}
environ, path, context = os.environ, sys.path, decimal.getcontext()
""", """
import os, sys, warnings, decimal, random
assert held == {'environ': os.environ, 'path': sys.path, 'modules': sys.modules, 'filters': warnings.filters,
                'context': decimal.getcontext(), 'random': random._inst}
assert held['path'] is path is sys.path and held['environ'] is environ is os.environ
assert held['filters'] is warnings.filters and held['modules'] is sys.modules
assert held['random'] is random._inst
assert context is decimal.getcontext()
""")
case("options_of_libraries_stay_theirs", """
import matplotlib, pandas as pd, numpy as np
rc, options, display, state = matplotlib.rcParams, pd.options, pd.options.display, np.random.mtrand._rand
""", """
import matplotlib, pandas as pd, numpy as np
assert rc is matplotlib.rcParams and state is np.random.mtrand._rand
was = display.max_rows
display.max_rows = was + 1
assert pd.get_option('display.max_rows') == options.display.max_rows == was + 1
display.max_rows = was
""")
case("nan_is_found_where_it_was", """
import math
import numpy as np
rows, names, other = [np.nan, 1], {np.nan: 'missing'}, (math.nan, float('nan'))
cells = np.array([1, np.nan, 'a'], dtype=object)
""", """
import math
import numpy as np
assert np.nan in rows and names[np.nan] == 'missing' and math.nan in other and other[1] != other[1]
assert cells[1] is np.nan and other[1] is not math.nan
""")
case("a_parser_of_arguments_that_suppresses", """
import argparse
parser = argparse.ArgumentParser(prog='p')
parser.add_argument('--level', default=argparse.SUPPRESS)
parser.add_argument('--secret', help=argparse.SUPPRESS)
like = ['==SUPPRESS==', '==other==', '_____', '<same>']
""", """
assert vars(parser.parse_args([])) == {'secret': None} and 'secret' not in parser.format_help()
assert like == ['==SUPPRESS==', '==other==', '_____', '<same>']
""")
case("exceptions_with_what_the_interpreter_sets", """
errors = []
for code in ('import no_such_module', 'object().missing', 'no_such_name', 'x = = 1', 'raise StopIteration(5)',
             "raise ImportError('m', name='n', path='p')", "raise ExceptionGroup('g', [ValueError(1)])"):
    try: exec(code)
    except BaseException as error: errors.append(error)
class Own(AttributeError):
    def __init__(self, a, b): super().__init__(a + b)
holder = [1]
own = Own('a', 'b')
own.name, own.obj = 'n', holder
""", """
missing, attribute, name, syntax, stop, load, group = errors
assert missing.name == 'no_such_module' and attribute.name == 'missing' and type(attribute.obj) is object
assert name.name == 'no_such_name' and (syntax.lineno, syntax.text) == (1, 'x = = 1\\n') and stop.value == 5
assert (load.name, load.path) == ('n', 'p') and group.exceptions[0].args == (1,)
assert own.args == ('ab',) and own.name == 'n' and own.obj is holder
""", linked=[("holder", "own")], notes="traceback")
case("objects_of_libraries_that_answer_for_any_attribute", """
from unittest import mock
calls = mock.MagicMock(return_value=3)
calls(1, a=2)
calls.part.value = [5]
part = calls.part
""", """
assert calls.call_args == mock.call(1, a=2) and calls(2) == 3 and calls.call_count == 2
assert calls.part is part and part.value == [5]
assert type(calls).__base__ is mock.MagicMock and type(calls).__name__ == 'MagicMock'
""", linked=[("calls", "part")])
case("libraries_find_the_variables_of_the_session_where_they_load", """
import sys
class Formula:
    def __getstate__(self): return {}
    def __setstate__(self, state):
        near = sys._getframe(1)
        found = [frame.f_globals for frame in (near, near.f_back)]
        self.value = [names['square'](names['number'][0]) for names in found]
        self.unknown = 'no_such_variable' in near.f_globals
def square(x): return x * x
formula = Formula()
number = [3]
""", "assert formula.value == [9, 9] and not formula.unknown", only_loaded=True)
case("formulas_of_statsmodels_with_functions", """
import numpy as np, pandas as pd
import statsmodels.formula.api as smf
df = pd.DataFrame({'y': np.arange(1., 31) ** 2, 'x': np.arange(1., 31)})
def square(x): return x ** 2
fit = smf.ols('y ~ square(x) + np.log(x)', df).fit()
expected = fit.predict(df.head(2)).round(6).tolist()
""", """
assert fit.predict(df.head(2)).round(6).tolist() == expected and fit.model.data.frame is df
""", linked=[("df", "fit")], needs=("statsmodels",))
