//! Codes of tensors and of safetensors files.

use super::{Code, row};

pub(super) const CODES: &[Code] = &[
    row(
        "T001",
        "A storage that is not in the file",
        "A tensor refers to a storage that the file does not hold. torch refuses to load it.",
        "Copy the file again, or use an earlier checkpoint.",
    ),
    row(
        "T002",
        "A storage of another size",
        "The storage has more or fewer bytes than its tensors declare, or a size that no storage can have. \
         torch refuses to load it.",
        "Copy the file again; a file from others may be made to crash a loader.",
    ),
    row(
        "T003",
        "A shape that is impossible",
        "The sizes of a tensor are negative or their product does not fit a number.",
        "Do not load it; no program writes that.",
    ),
    row(
        "T004",
        "A view out of its storage",
        "Offset and strides of a tensor reach outside its storage. Old versions of torch read foreign \
         memory then.",
        "Do not load it with a torch before 2.10.",
    ),
    row(
        "T005",
        "More elements than bytes",
        "The tensor repeats its elements by a stride of zero, so it is larger than its storage. Copying it \
         makes it full size.",
        "Nothing, if you expanded it yourself; otherwise check the shape before you use it.",
    ),
    row(
        "T006",
        "Too many to list",
        "There are more tensors, or longer names, than are listed. Counts and sizes may be too small.",
        "Open the file with torch if you need them all and trust it.",
    ),
    row(
        "T007",
        "A storage used in two ways",
        "Two tensors declare different types or sizes for the same storage. The bytes are counted once, by \
         the first.",
        "Nothing, if you made such views yourself.",
    ),
    row(
        "T008",
        "The list of storages is wrong",
        "The list of storages of an old file names one twice, or one that no value uses. Those behind it \
         cannot be placed.",
        "Copy the file again; save it anew with a current torch.",
    ),
    row(
        "T020",
        "A header of impossible length",
        "The first eight bytes claim a header that is larger than the format allows.",
        "It is no safetensors file, or a damaged one: copy it again.",
    ),
    row(
        "T021",
        "A header past the end",
        "The header is longer than the file: the download or the save was cut.",
        "Copy the file again.",
    ),
    row(
        "T022",
        "The header is no JSON",
        "The header is damaged, nested too deeply, or has entries that are none of a tensor.",
        "Copy the file again.",
    ),
    row(
        "T023",
        "A name that comes twice",
        "The header has the same name twice; the library takes the last. Other readers may take the first.",
        "Save it again, and ask who wrote it.",
    ),
    row(
        "T024",
        "An entry that does not add up",
        "Type, shape and place of a tensor contradict each other or the file. The library refuses the file.",
        "Copy the file again; a file from others may be made to crash a loader.",
    ),
    row(
        "T025",
        "Tensors that share bytes",
        "Two entries cover the same bytes, which the format forbids. The library refuses the file.",
        "Save it again, and ask who wrote it.",
    ),
    row(
        "T026",
        "Bytes behind the last tensor",
        "There are bytes that belong to no tensor. Something may be hidden in them; the library refuses the \
         file.",
        "Save it again, and ask who wrote it.",
    ),
    row(
        "T027",
        "A hole between tensors",
        "There are bytes between two tensors that belong to neither. The library refuses the file.",
        "Save it again, and ask who wrote it.",
    ),
    row(
        "T028",
        "A header too large to look at",
        "The header has more than 16 MB, which is more than a hundred thousand tensors take. It was not \
         read.",
        "Open it with the safetensors library if you need it.",
    ),
    row(
        "T029",
        "The record is no JSON object",
        "The metadata has an entry `tvae` that is no record of ours, or too large to be one. Epoch, metrics \
         and config are not known.",
        "Nothing, if another program wrote it.",
    ),
];
