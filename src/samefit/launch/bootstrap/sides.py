"""The main program of a process that runs functions, or several sides one after the other."""

import sys

# What Python put first is the directory of this file; the first side's own directory takes its place.
del sys.path[0]

if __name__ == "__main__":
    from samefit.launch import child

    child.run_sides()
