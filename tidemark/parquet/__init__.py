"""What decoding a parquet file would take, told from its own headers before anything is decoded; see decision 0010."""
