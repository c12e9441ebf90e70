//! Codes of files and folders, and of the metrics in them.

use super::{Code, row};

pub(super) const CODES: &[Code] = &[
    row(
        "F001",
        "Not a regular file",
        "The name belongs to a folder, a pipe, a socket or a device. Reading one could hang or never end, \
         so it was not opened.",
        "Remove it, or rename it if it only looks like a checkpoint by chance.",
    ),
    row(
        "F002",
        "A link that leads nowhere",
        "The symbolic link points to something that does not exist. Nothing could be read.",
        "Restore its target or remove the link.",
    ),
    row(
        "F003",
        "A link that was not followed",
        "Symbolic links are not followed unless asked for, and a folder is listed once however many links \
         lead to it.",
        "Use `--follow`, or scan the target itself.",
    ),
    row(
        "F004",
        "A link leaves the tree",
        "The file was reached through a link that leads out of the folder that was scanned. What belongs to \
         it may not be yours to archive or delete.",
        "Look where the link leads before you act on the file.",
    ),
    row(
        "F005",
        "Cannot be read",
        "The system refused to open or to read the file: a permission, a damaged disk, a network mount that \
         went away. Nothing is known of its content.",
        "Mend the permission or the disk and scan again.",
    ),
    row(
        "F006",
        "Gone before it was opened",
        "The folder listed the file, and it did not exist any more when it was opened. A run or a clean-up \
         is probably at work.",
        "Scan again when nothing writes to the tree.",
    ),
    row(
        "F007",
        "Changed while it was read",
        "The file was written to during both attempts to read it, so the record may be half of the old \
         content and half of the new.",
        "Wait until the save has ended and scan again.",
    ),
    row(
        "F008",
        "A name that terminals do not show",
        "The file name is not UTF-8, or has control characters or marks that change the direction of text. \
         What you see of it may not be what it is.",
        "Rename it. JSON output has the exact bytes as `path_b64`.",
    ),
    row(
        "F009",
        "A folder that cannot be listed",
        "The system refused to list the folder, or stopped in the middle. Files in it may be missing from \
         the result.",
        "Mend the permission or the disk and scan again.",
    ),
    row(
        "F010",
        "An error of the scanner",
        "The scanner itself failed on this file; the rest of the tree is not affected. Nothing is known of \
         the file, so it does not count as clean.",
        "Report it, with the file if you may.",
    ),
    row(
        "M001",
        "A metric that is not finite",
        "A stored metric is NaN or infinite. JSON has null in its place.",
        "Look whether the run diverged before you keep the checkpoint.",
    ),
];
