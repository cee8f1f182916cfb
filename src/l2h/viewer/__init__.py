"""Faces in the browser: pages served from the project's own files, with no outside address."""
