//! Codes of pickle streams and of what they would run.

use super::{Code, row};

pub(super) const CODES: &[Code] = &[
    row(
        "P001",
        "The pickle ends too early",
        "The stream stops before its STOP opcode, or announces more bytes than there are. What came before \
         is kept where it could be built.",
        "Copy the file again, or use an earlier checkpoint.",
    ),
    row(
        "P002",
        "No pickle opcode",
        "A byte is no opcode, or its argument does not parse. Python would stop here with an error.",
        "Copy the file again; if it came from others, do not load it.",
    ),
    row(
        "P003",
        "The stack does not fit",
        "An opcode found too little on the stack or no mark, or values were left over at the end. No \
         pickler writes that.",
        "Treat a file from others with suspicion; load it only after you know who wrote it.",
    ),
    row(
        "P004",
        "An operation on the wrong type",
        "An opcode met a value that it cannot work on, such as an item for a number. Python would stop here \
         with an error.",
        "Treat a file from others with suspicion.",
    ),
    row(
        "P005",
        "A memo entry that was never stored",
        "The stream refers to a value that it never stored. Python would stop here, after everything before \
         it has run: a known way to stop scanners early.",
        "Do not load a file from others that has this.",
    ),
    row(
        "P006",
        "Text that is not UTF-8",
        "A string or an imported name is not UTF-8. Lone surrogates are kept in escaped form; anything else \
         is an error for Python.",
        "Nothing, if only surrogates are meant; otherwise copy the file again.",
    ),
    row(
        "P007",
        "A call that Python would refuse",
        "A known constructor was called with arguments that it does not take. Loading would end with an \
         error here.",
        "Copy the file again, or ask who wrote it.",
    ),
    row(
        "P008",
        "A protocol that does not exist",
        "The stream announces a pickle protocol above 5.",
        "Treat a file from others with suspicion.",
    ),
    row(
        "P009",
        "A buffer outside the stream",
        "The value is in a buffer that the program had to pass beside the file. It is not in the file.",
        "Save again without out-of-band buffers.",
    ),
    row(
        "P010",
        "More than is looked at",
        "The stream has more opcodes, values or depth than the budget of the scanner. It may be a bomb; in \
         any case the rest of it was not seen, so it is not clean.",
        "If it is yours and really so large, split it; otherwise do not load it.",
    ),
    row(
        "P011",
        "A frame that readers see differently",
        "The frame of a protocol 4 stream is too short, too long or nested. Unpicklers differ in what they \
         make of it.",
        "Treat a file from others with suspicion.",
    ),
    row(
        "P012",
        "A key that comes twice",
        "A dictionary stores the same key twice. The last value counts, as in Python.",
        "Nothing, unless the first value surprises you.",
    ),
    row(
        "P013",
        "A persistent id that is no storage",
        "torch refers to storages by persistent ids; this one is something else, such as the source code of \
         a module in old files.",
        "Nothing for files of old; otherwise ask who wrote it.",
    ),
    row(
        "S001",
        "It would run something dangerous",
        "Loading imports or calls a name that runs commands, loads code or reaches something that does. It \
         runs the moment the file is loaded, before any check of your own.",
        "Do not load it. If it is yours, find out who changed it.",
    ),
    row(
        "S002",
        "It needs code that is not known",
        "Loading imports a name that is on no list of harmless ones, often a class of the project that \
         saved it. Importing alone runs code of that module.",
        "Load it only if you trust who wrote it; `tvae show --imports` names what it needs.",
    ),
    row(
        "S003",
        "A known name in an unknown form",
        "A harmless constructor is used with arguments or a state that it is never used with. What that \
         does was not worked out.",
        "Load it only if you trust who wrote it.",
    ),
    row(
        "S004",
        "It calls something that it built",
        "The stream calls a value that is not an imported name. What that does cannot be told without \
         running it.",
        "Load it only if you trust who wrote it.",
    ),
    row(
        "S005",
        "An entry of the extension registry",
        "The stream refers to a callable by a number whose meaning depends on the process that loads it.",
        "Do not load it.",
    ),
    row(
        "S010",
        "Bytes behind the end",
        "There are bytes behind the part that torch reads. If they are pickles, they were followed and \
         count towards the verdict.",
        "Copy the file again; if it came from others, ask what they are.",
    ),
    row(
        "S020",
        "A pickle inside that was not looked into",
        "Bytes that are handed to a loader hold another pickle in a form, or at a depth, that is not \
         followed.",
        "Load it only if you trust who wrote it.",
    ),
    row(
        "S030",
        "Attributes on a dictionary",
        "An ordered dictionary has attributes other than the `_metadata` of torch. They are data and run \
         nothing.",
        "Nothing.",
    ),
];
