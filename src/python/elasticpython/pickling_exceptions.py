"""The reducer of exceptions, of which pickle keeps what they were made with and little else."""
import types

from elasticpython import unpickling


def reduce_exception(context, error):
    """With what pickle drops (cause, context, notes) and without calling the session's `__init__`, whose
    arguments need not be `args`. The traceback stays behind: its frames belong to the process."""
    if error.__traceback__ is not None:
        context.note(f"the traceback of a {type(error).__name__} is not kept")
    state = (dict(error.__dict__), error.__cause__, error.__context__, error.__suppress_context__)
    reduction = error.__reduce__()
    if isinstance(reduction, str):
        return reduction
    inherited = _defining_class(type(error), "__reduce__").__module__ == "builtins" \
        and _defining_class(type(error), "__reduce_ex__").__module__ == "builtins"
    if not inherited:
        return NotImplemented
    if _defining_class(type(error), "__init__").__module__ == "builtins":
        make, arguments = reduction[:2]
    else:
        make, arguments = unpickling.make_exception, (type(error), error.args)
    members = _members_not_made(error, make, arguments)
    if members:
        return make, arguments, (state, members), None, None, unpickling.set_exception_members
    return make, arguments, state, None, None, unpickling.set_exception_state


def _members_not_made(error, make, arguments):
    """{name: value} of a builtin's own members that making it anew does not bring: where an import failed,
    which object has no such attribute."""
    members = {name: value for base in type(error).__mro__ if base.__module__ == "builtins"
               for name, member in vars(base).items()
               if isinstance(member, types.MemberDescriptorType) and not name.startswith("__")
               and (value := member.__get__(error)) is not None}
    if not members:
        return members
    new = make(*arguments)
    missing = {}
    for name, value in members.items():
        if getattr(new, name, None) is not value:
            try:
                BaseException.__setattr__(new, name, value)
            except AttributeError:   # cannot be set, and making it brings it (a group's exceptions)
                continue
            missing[name] = value
    return missing


def _defining_class(cls, name):
    return next(base for base in cls.__mro__ if name in vars(base))
