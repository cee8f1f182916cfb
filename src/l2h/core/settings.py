"""Settings: frozen models that refuse unknown keys."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Base of every room's settings: frozen, no unknown keys, values checked on construction.

    Units stand in the names (`halo_px`, `min_area_m2`). Where a run happens (executor, workers) is never part of a
    room's settings, so it can never be part of a digest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
