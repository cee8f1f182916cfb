"""Low to high: coarse labels in, a 1 m land-cover map out."""

__version__ = "0.1.0"
