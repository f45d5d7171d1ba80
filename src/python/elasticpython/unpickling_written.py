"""The names that stand in checkpoints: a table of what `elasticpython.unpickling` lends to pickles."""

WRITTEN = {}


def written(function):
    """Marks what pickles call. It is written as `elasticpython.unpickling.<name>`, whichever file holds it:
    files may be laid out anew, names in checkpoints may not."""
    WRITTEN[function.__name__] = function
    function.__module__ = "elasticpython.unpickling"
    return function
