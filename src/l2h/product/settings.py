"""Settings of a release."""

from typing import Literal

from pydantic import Field

from l2h.core.settings import Settings


class ReleaseSettings(Settings):
    """How the map is published. The version comes from the project.

    size_limit_gb : the most a folder of the release (what one record of a data host holds) may weigh, in 10^9 bytes
    file_limit    : the most files a folder may hold; Zenodo takes 100 a record
    confidence    : "1m" adds archives of the confidence of every pixel, "none" leaves them out
    dates         : "1m" adds archives of the capture month of every pixel, "none" leaves them out. There are none
                    where no scene has a date
    compression   : of the rasters; DEFLATE is read by everything, ZSTD is somewhat smaller
    licence       : under which the release is given away (an SPDX name or a sentence)
    citation      : how to cite it
    """

    size_limit_gb: float = Field(50.0, gt=0)
    file_limit: int = Field(100, ge=1)
    confidence: Literal["1m", "none"] = "1m"
    dates: Literal["1m", "none"] = "1m"
    compression: Literal["DEFLATE", "ZSTD"] = "DEFLATE"
    licence: str = ""
    citation: str = ""

    @property
    def size_limit_bytes(self) -> int:
        return int(self.size_limit_gb * 1e9)
