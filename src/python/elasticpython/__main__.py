"""`python -m elasticpython -f CONNECTION_FILE`: the kernel inside this interpreter."""

import os
import sys

_USAGE = "usage: python -m elasticpython -f CONNECTION_FILE"


def main(arguments: list) -> int:
    if "--help" in arguments or "-h" in arguments:
        print(_USAGE)
        return 0
    # As the executable does (kernel/main.cpp): an argument parser is a hundredth of a start. Clients append
    # arguments of their own: `jupyter run script.py` gives the script to the kernel as well.
    connection_file = next((each for option, each in zip(arguments, arguments[1:]) if option == "-f"), None)
    if connection_file is None:
        print(_USAGE, file=sys.stderr)
        return 2
    # `python -m` puts the working directory first on the path; IPython adds "" itself, which follows
    # os.chdir.
    if sys.path and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
    flags = sys.getdlopenflags()
    sys.setdlopenflags(os.RTLD_LAZY)  # a third of the functions of its libraries is never called
    from elasticpython import _core

    sys.setdlopenflags(flags)
    return _core.kernel.run(connection_file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
