"""Volumes of serial sections: aligned, repaired."""
