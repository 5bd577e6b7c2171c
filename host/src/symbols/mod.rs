//! Code offsets to functions, files and lines; lazy and off-line.
