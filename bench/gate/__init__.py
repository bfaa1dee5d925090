"""The benchmark of the gate: clean months and corrupted copies of them, judged by the real gate and by three others."""
