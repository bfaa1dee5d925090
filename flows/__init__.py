"""The shell: flows and tasks of Prefect around the stages of ``tidemark``. No SQL, no data frames."""
