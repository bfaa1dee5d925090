"""Ways to corrupt a month, by how well the gate's makers knew them (``Group``) and by family."""
