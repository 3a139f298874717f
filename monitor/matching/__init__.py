"""Label matchers and relabelling on RE2, compiled once."""
