"""Which environment variables a manifest holds: those that may shape a training, and no other (they may be secret)."""

from __future__ import annotations

_VARIABLES = (
    "KERAS_",
    "JAX_",
    "XLA_",
    "TF_DETERMINISTIC_OPS",
    "TF_CUDNN",
    "TF_ENABLE_",
    "TF_XLA_FLAGS",
    "TF_NUM_",
    "TF_GPU_",
    "TORCH_",
    "PYTORCH_",
    "CUDA_",
    "CUBLAS_",
    "NVIDIA_",
    "OMP_",
    "MKL_",
    "OPENBLAS_",
    "PYTHONHASHSEED",
    "NUMEXPR_",
    "KMP_",
    "ONEDNN_",
    "DNNL_",
)


_MEMORY = ("XLA_PYTHON_CLIENT_",)
"""How much memory of a device is taken at once: no number depends on it."""


def is_recorded_variable(name: str) -> bool:
    """Whether an environment variable may shape a training, and stands in the manifest."""
    return name.startswith(_VARIABLES) and not name.startswith(_MEMORY)
