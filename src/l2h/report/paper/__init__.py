"""HTML of a few plain tags to PDF, in pure Python: what prints the report and the guide."""
