"""Recording a training at its step boundaries, and every draw of the process's generators."""
