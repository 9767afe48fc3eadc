"""The run directory: writing it while a training runs, reading it afterwards."""
