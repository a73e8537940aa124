"""Files that services upload once and name in sends."""
