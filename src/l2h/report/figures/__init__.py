"""Figures for print, each with its data beside it."""
