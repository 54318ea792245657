//! The agent: serves module runs over its standard input and output.
