"""Rotary position embeddings: the fields that describe them and the table that the runtime reads.

RoFormer (arXiv:2104.09864), section 3.2.2, in the half-split order of Hugging Face models.
"""

from __future__ import annotations

import numpy as np

from lutwerk.errors import CheckpointError
from lutwerk.frontends.config_fields import Fields
from lutwerk.graph import F32, Source


def rope_source(max_context: int, head_dim: int, theta: float) -> Source:
    """The table float32 ``[max_context, head_dim]``: per position all cosines, then all sines.

    The angle of pair ``i`` at position ``p`` is ``p * theta^(-2i / head_dim)``, computed in
    float64.
    """

    def table() -> F32:
        pairs = np.arange(head_dim // 2, dtype=np.float64)
        frequencies = theta ** (-2 * pairs / head_dim)
        angles = np.arange(max_context, dtype=np.float64)[:, np.newaxis] * frequencies
        return np.hstack([np.cos(angles), np.sin(angles)]).astype(np.float32)

    return Source("rope", max_context, head_dim, table)


def read_rope_theta(config: Fields, default: float) -> float:
    """The base of the angles. Raises CheckpointError, with its name, for a scaled kind."""
    for name in ("rope_parameters", "rope_scaling"):
        if not config.has(name):
            continue
        fields = config.nested(name)
        # Older files call the field "type".
        key = "rope_type" if fields.has("rope_type") else "type"
        kind = fields.raw(key)
        if kind not in (None, "default"):
            raise CheckpointError(
                f"{fields.where}: {key} '{kind}' is not supported yet, only 'default' is; "
                "use a checkpoint without scaled rotary embeddings."
            )
    parameters = config.nested("rope_parameters")
    for fields in (parameters, config):
        if fields.has("partial_rotary_factor") and fields.raw("partial_rotary_factor") != 1:
            raise fields.refuse("partial_rotary_factor", "1, or absent")
    holder = parameters if parameters.has("rope_theta") else config
    return holder.positive("rope_theta", default)
