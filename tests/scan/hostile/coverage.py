"""The classes that are no files of this folder: where they are tested, or why they are not."""

from __future__ import annotations

LAST = 124

TREES = "tests/scan/test_hostile_trees.py::"
ELSEWHERE = {
    107: TREES + "test_folders_of_leftovers",
    108: TREES + "test_what_is_no_regular_file_is_skipped",
    109: TREES + "test_what_is_no_regular_file_is_skipped",
    110: TREES + "test_what_is_no_regular_file_is_skipped",
    111: TREES + "test_links_are_told_and_not_followed",
    112: TREES + "test_loops_end",
    113: TREES + "test_a_link_out_of_the_tree_is_told",
    114: TREES + "test_hard_links_are_both_listed",
    115: TREES + "test_what_may_not_be_read_is_unreadable",
    116: TREES + "test_files_that_come_and_go",
    117: TREES + "test_files_that_come_and_go",
    118: TREES + "test_names_that_draw_are_escaped_or_told",
    120: TREES + "test_many_files_and_deep_folders",
    122: TREES + "test_names_do_not_tell_what_a_file_is",
    123: TREES + "test_size_on_disk_and_size_differ",
    124: "rust/tvae-scan/src/scan.rs::catch_unwind",
}
UNTESTED = {
    121: "an error of a network file system (ESTALE, EIO) needs a reader that fails on demand",
}
