//! Codes of containers.

use super::{Code, row};

pub(super) const CODES: &[Code] = &[
    row(
        "Z001",
        "An empty file",
        "The file has no bytes: the save never began, or the disk was full.",
        "Remove it.",
    ),
    row("Z002", "An archive of nothing", "A zip file without a single record.", "Remove it."),
    row(
        "Z003",
        "Only zeros",
        "Every byte that was looked at is zero: space was set aside, and the content never came. torch \
         takes such a file for a tar archive.",
        "Remove it, and use an earlier checkpoint.",
    ),
    row(
        "Z004",
        "No checkpoint",
        "The file is something else than its name says; the message tells what, if it is known. A Git LFS \
         pointer stands for a file that was not downloaded.",
        "Fetch the real file (`git lfs pull`), or unpack what is wrapped.",
    ),
    row(
        "Z005",
        "An archive that torch did not write",
        "A zip or tar archive without the record that holds the values of a checkpoint.",
        "Nothing, if it is meant to be another archive.",
    ),
    row(
        "Z006",
        "An archive for another loader",
        "What torch.export or torch.package wrote: programs for their own loaders, which were not looked \
         at.",
        "Load it only if you trust who wrote it.",
    ),
    row(
        "Z007",
        "No version",
        "The record `version` is missing, which torch asks for. The values were read nevertheless.",
        "Save it again.",
    ),
    row(
        "Z008",
        "Too short to be anything",
        "The file has fewer bytes than the smallest checkpoint.",
        "Remove it.",
    ),
    row(
        "Z010",
        "Cut",
        "The end of the file is missing, or zeros stand for it: a crash during the save, or a cut copy. \
         What could be read from its head is told.",
        "Copy it again or use an earlier checkpoint.",
    ),
    row(
        "Z011",
        "A record past the end",
        "A record of the archive is longer than the file.",
        "Copy the file again.",
    ),
    row(
        "Z012",
        "A record that is not where it should be",
        "The directory of the archive points to a place where no record begins.",
        "Copy the file again.",
    ),
    row(
        "Z020",
        "A wrong checksum",
        "The bytes of a record do not have the checksum of the directory. torch does not check; other \
         readers stop there, which hides what follows from scanners.",
        "Copy the file again; treat one from others with suspicion.",
    ),
    row(
        "Z021",
        "Two sizes or checksums",
        "A record states another size or checksum in its place than in the directory. torch believes the \
         directory; other readers may not.",
        "Treat a file from others with suspicion.",
    ),
    row(
        "Z022",
        "Two names",
        "A record has another name in its place than in the directory. Some scanners stop at that, and \
         torch loads it.",
        "Do not load a file from others that has this.",
    ),
    row(
        "Z023",
        "A false mark of encryption",
        "A record is marked in its place as encrypted or patched, and is not. Some scanners stop at that, \
         and torch loads it.",
        "Do not load a file from others that has this.",
    ),
    row(
        "Z024",
        "Encrypted",
        "The record is encrypted, so neither torch nor this scanner can read it.",
        "Decrypt it first.",
    ),
    row(
        "Z025",
        "An unknown compression",
        "The record is compressed by a method that torch does not read either.",
        "Pack the archive again without compression.",
    ),
    row(
        "Z026",
        "Compressed",
        "A record is compressed. torch writes none such, so somebody packed the file again; it loads, but \
         cannot be mapped.",
        "Nothing.",
    ),
    row(
        "Z027",
        "Too large to unpack",
        "A record claims to be larger than is looked at, or hundreds of times its packed size, as in a zip \
         bomb. It was not unpacked.",
        "Do not load a file from others that has this.",
    ),
    row(
        "Z028",
        "Cannot be decompressed",
        "The compressed bytes of a record are damaged, or hold more than was announced.",
        "Copy the file again.",
    ),
    row(
        "Z030",
        "The values are there twice",
        "Two records have the name `data.pkl`. torch reads the first, Python and many scanners the last: a \
         way to show one and load the other. Both were followed.",
        "Do not load it unless both are harmless and you know why.",
    ),
    row(
        "Z031",
        "The values under capitals",
        "The record is called `DATA.PKL` or similar. torch finds it all the same, and most scanners do not.",
        "Do not load a file from others that has this.",
    ),
    row(
        "Z032",
        "Two folders",
        "Records lie in different folders. torch refuses the file; every pickle was followed.",
        "Pack the archive again with one folder.",
    ),
    row(
        "Z033",
        "No folder",
        "The first record lies in no folder. torch refuses the file; every pickle was followed.",
        "Pack the archive again with one folder.",
    ),
    row(
        "Z034",
        "A name that leads out",
        "The name of a record climbs out of the archive, is absolute, or has backslashes or null bytes. \
         Unpacking could write anywhere.",
        "Never unpack it.",
    ),
    row(
        "Z035",
        "Records that overlap",
        "Two records share bytes of the file, so readers may see two contents.",
        "Do not load a file from others that has this.",
    ),
    row(
        "Z036",
        "A record that torch did not write",
        "A pickle, an archive or a program lies beside the data under a foreign name. Pickles were \
         followed, others not.",
        "Ask who put it there.",
    ),
    row(
        "Z037",
        "A record that is there twice",
        "Two records have the same name. torch reads the first, other readers the last.",
        "Treat a file from others with suspicion.",
    ),
    row(
        "Z040",
        "A damaged directory",
        "The directory of the archive contradicts the file. What could be read from the head of the file is \
         told.",
        "Copy it again or use an earlier checkpoint.",
    ),
    row(
        "Z041",
        "A second end record",
        "The archive has an end record inside the comment of another one. torch reads the inner archive, \
         other readers the outer: a way to show one and load the other.",
        "Do not load it.",
    ),
    row(
        "Z042",
        "Bytes behind the end record",
        "There is a comment or junk behind the archive. Up to 64 KB torch ignores it, beyond that it \
         refuses the file.",
        "Copy the file again; ask what the bytes are.",
    ),
    row(
        "Z043",
        "An archive behind other bytes",
        "The file begins as something else and ends as a zip file, so two programs read two contents.",
        "Do not load a file from others that has this.",
    ),
    row(
        "Z044",
        "Too much to look at",
        "The archive has more records or members, or larger ones, than the budget of the scanner. The rest \
         was not seen, so it is not clean.",
        "Pack it again with fewer records.",
    ),
    row(
        "Z045",
        "Bytes behind the directory",
        "There are bytes between the directory and the end record that belong to nothing.",
        "Nothing, usually.",
    ),
    row(
        "Z046",
        "In several parts",
        "The archive is one part of several. torch does not read it.",
        "Join the parts.",
    ),
    row(
        "Z047",
        "The other byte order",
        "The tensors are stored most significant byte first, by a machine of that kind.",
        "Nothing; torch turns them round.",
    ),
    row(
        "Z048",
        "TorchScript",
        "The archive holds a program for `torch.jit.load`. Programs were not looked at.",
        "Load it only if you trust who wrote it.",
    ),
    row(
        "Z050",
        "A member that is no file",
        "A tar archive has a link, a device, a sparse file or a name that leads out. Unpacking could write \
         anywhere.",
        "Never unpack it.",
    ),
    row(
        "Z052",
        "A damaged member",
        "The header of a member of the tar archive is damaged. What follows was not seen.",
        "Copy the file again.",
    ),
    row(
        "Z053",
        "A member that could not be followed",
        "A member of an archive of torch 0.1 does not have the form that torch wrote. What follows in it \
         was not seen.",
        "Copy the file again; treat one from others with suspicion.",
    ),
    row(
        "Z054",
        "A member that is there twice",
        "The tar archive has two members of the same name; the last counts. Both were followed.",
        "Treat a file from others with suspicion.",
    ),
    row(
        "Z055",
        "A name that contradicts the content",
        "The suffix names another format than the content has. Under `.safetensors`, which holds no code, a \
         pickle is made to look safe.",
        "Rename it after its content, and load it as what it is.",
    ),
];
