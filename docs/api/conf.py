"""Sphinx: the reference of the public interface, from the docstrings (`make docs`)."""

import rar_gluon  # before mxnet: sets its threads

project, release = "rar-gluon", rar_gluon.__version__
extensions = ["sphinx.ext.autodoc", "numpydoc"]
numpydoc_show_class_members = False
autodoc_typehints = "none"  # numpydoc's sections say them with shapes and units
autodoc_member_order = "bysource"
