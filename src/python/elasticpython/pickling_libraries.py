"""Reducers of libraries' types that the libraries' own ways lose, copy or refuse. They are known by name: a
library is not imported for them."""
import copyreg
import gc
import sys
import types

from elasticpython import pickling_derived, unpickling
from elasticpython.by_type import is_a, name_of
from elasticpython.pickling_attributes import by_attributes
from elasticpython.pickling_refusals import NotSerializable


def reduce_random_generator(context, generator):
    return type(generator), (generator.bit_generator,)   # older numpy pickles a copy of its bit generator


def reduce_bunch(context, bunch):
    """scikit-learn's dict of a data set, with the attributes that its own `__setstate__` drops."""
    make, arguments, state, _, items = bunch.__reduce_ex__(5)
    return make, arguments, (state, None), None, items, unpickling.set_attributes


def reduce_soup(context, soup):
    """Beautiful Soup's document with the very tags that other variables hold: its own `__getstate__` writes
    text, which loading parses into others. A parser that cannot be pickled is made anew, as it does."""
    state = dict(soup.__dict__)
    parser = state.get("builder")
    made_anew = None if parser is None or parser.picklable else type(parser)
    if made_anew is not None:
        del state["builder"]
    return copyreg.__newobj__, (type(soup),), (state, made_anew), None, None, unpickling.set_soup_state


def reduce_by_attributes(context, value):
    """With the very parts that other variables hold. plotly's own way makes other traces, from JSON, and
    astropy's copies a table's columns."""
    return by_attributes(value)


def reduce_column_info(context, info):
    """astropy's notes on a column, made as a column makes them: their own `__setstate__` leaves out what
    their `__init__` begins."""
    state = info.__getstate__()
    return NotImplemented if state is None else (type(info), (True,), state)


def reduce_traits(context, value):
    """An object of traitlets with the observers and links that were connected to it, which its own
    `__getstate__` drops."""
    library, kind = sys.modules["traitlets.traitlets"], type(value)
    if kind.__getstate__ is not library.HasTraits.__getstate__ \
            or kind.__setstate__ is not library.HasTraits.__setstate__:
        return NotImplemented
    connected = [(handler, name, event) for name, events in value._trait_notifiers.items()
                 for event, handlers in events.items() for handler in handlers
                 if not is_a(handler, library.EventHandler)]
    reduction = value.__reduce_ex__(5)
    if not connected or isinstance(reduction, str):
        return reduction
    make, arguments, state = reduction[:3]
    return make, arguments, (state, connected), None, None, unpickling.set_traits_state


def reduce_callbacks(context, registry):
    """matplotlib's registry with what the session connected, which its own `__getstate__` drops; that uses up
    a number, too. An object whose method is called is held weakly: it is here if its figure leads to it."""
    kept = {}
    for signal, callbacks in registry.callbacks.items():
        kept[signal] = {number: function for number, reference in callbacks.items()
                        if (function := reference()) is not None
                        and (number in registry._pickled_cids or _is_called_here(context, function))}
    state = vars(registry) | {"callbacks": kept, "_func_cid_map": None,
                              "_cid_gen": registry._cid_gen.__reduce__()[1][0]}
    return copyreg.__newobj__, (type(registry),), state


def _is_called_here(context, function):
    owner = getattr(function, "__self__", None)
    if type(owner).__module__ != "__main__":
        # What a widget calls it connects in a function of its own.
        called = [function, *gc.get_referents(*(getattr(function, "__closure__", None) or ()))]
        return any(is_a(each, types.FunctionType) and each.__globals__ is context.namespace
                   for each in called)
    elsewhere = [name for name, value in context.namespace.items()
                 if value is owner and name not in context.names_in_group]
    if elsewhere:
        context.note(f"a figure does not call {function.__qualname__} of {elsewhere[0]} any more")
    return not elsewhere


def reduce_figure(context, figure):
    """matplotlib's figure, open in pyplot under its number: its own way opens it under the next one."""
    reduction = figure.__reduce_ex__(5)
    make, arguments, state = reduction[:3]
    if type(state) is not dict or "_restore_to_pylab" not in state:
        return reduction
    state = {name: value for name, value in state.items() if name != "_restore_to_pylab"}
    return make, arguments, (state, figure.number), None, None, unpickling.set_figure_state


def reduce_quantity(context, value):
    """pint loads quantities and units into the registry of the process; those of the session's own would not
    mix with them any more."""
    registry = value._REGISTRY
    if registry is not sys.modules["pint"].application_registry.get() \
            or any(each is registry for each in context.namespace.values()):
        raise NotSerializable(value, "quantity of a registry of the session's")
    return NotImplemented


def reduce_lazy_plan(context, plan):
    """polars writes functions in a plan by itself, with copies of what they read."""
    make, arguments, state = plan.__reduce_ex__(5)[:3]
    if isinstance(state, bytes) and b"cloudpickle" in state and b"__main__" in state:
        raise NotSerializable(plan, "a plan that calls a function of the session")
    return make, arguments, state


_OF_TYPES = {
    "numpy.random._generator.Generator": reduce_random_generator,
    "sklearn.utils._bunch.Bunch": reduce_bunch,
    "unittest.mock._Call": pickling_derived.reduce_value(tuple),  # made anew, one of two gets a third
}
_OF_BASES = {
    "matplotlib.cbook.CallbackRegistry": reduce_callbacks,
    "matplotlib.figure.Figure": reduce_figure,
    "polars.expr.expr.Expr": reduce_lazy_plan,
    "polars.lazyframe.frame.LazyFrame": reduce_lazy_plan,
    "pint.util.SharedRegistryObject": reduce_quantity,
    "bs4.BeautifulSoup": reduce_soup,
    "plotly.basedatatypes.BaseFigure": reduce_by_attributes,
    "plotly.basedatatypes.BasePlotlyType": reduce_by_attributes,
    "astropy.table.table.Table": reduce_by_attributes,
    "astropy.utils.data_info.DataInfo": reduce_column_info,
    "traitlets.traitlets.HasTraits": reduce_traits,
}


def reducer_for(kind):
    """By the name of the type, or of what it derives from; None for others."""
    found = (_OF_BASES.get(name_of(base)) for base in kind.__mro__)
    return _OF_TYPES.get(name_of(kind)) or next(filter(None, found), None)
