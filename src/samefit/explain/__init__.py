"""From a divergence to its causes: suspects with evidence, each with the re-run that would confirm it."""
