"""The pages: routes, templates, styles and the script, and the session that they keep."""
