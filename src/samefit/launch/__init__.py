"""Running somebody's unmodified script in a fresh process, under the recorder."""
