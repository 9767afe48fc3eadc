"""The main program of a process that runs functions, or several sides one after the other."""

import os
import sys

# Not where a worker that was spawned imports this file: it has the path of its parent already.
if __name__ == "__main__":
    # What Python put first is the directory of this file, unless it was told not to (PYTHONSAFEPATH); the first side's
    # own directory takes its place.
    if sys.path[0] == os.path.dirname(os.path.abspath(__file__)):
        del sys.path[0]

    from samefit.launch import child

    child.run_sides()
