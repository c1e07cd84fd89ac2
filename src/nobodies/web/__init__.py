"""The site and its API: FastAPI on uvicorn, pages from templates, faces from a pool that is kept full.

`serve` runs it; `create_app` gives the application to tests and to other servers.
"""
