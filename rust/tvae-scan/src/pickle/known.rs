//! The allow-list: what may be imported, and why that is harmless.
//!
//! A name here is only half of the verdict. The other half are the forms in `stdlib`, `tensor` and `numpy`:
//! a known name that is called in another way needs code that nobody has looked at.

use super::Safety;
use super::danger;
use super::dtype::DType;

/// What a name is to the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Not on the list.
    Unknown,
    /// A class that is fine as a value: to be the type of something, or the default of a dictionary.
    Class,
    /// `object`, the base that `copyreg` is given for plain classes.
    ObjectClass,
    ListClass,
    DictClass,
    OrderedDict,
    DefaultDict,
    Counter,
    Deque,
    Set,
    FrozenSet,
    Bytes,
    ByteArray,
    Complex,
    Slice,
    Range,
    /// Turns text into bytes; with latin-1 it can do nothing else.
    Encode,
    /// Makes an empty instance of a class, as protocols 0 and 1 do.
    Reconstructor,
    /// Paths: joining text touches no disk.
    PosixPath,
    WindowsPath,
    DateTime,
    Date,
    Time,
    TimeDelta,
    TimeZone,
    Uuid,
    Decimal,
    Fraction,
    /// Holds attributes and does nothing with them.
    Namespace,
    /// A view of a storage by offset, sizes and strides.
    RebuildTensor,
    RebuildTensorV2,
    RebuildTensorV3,
    RebuildParameter,
    RebuildParameterWithState,
    RebuildQuantized,
    RebuildSparse,
    RebuildNested,
    RebuildMeta,
    /// Calls the function it is given: only with one of the above.
    RebuildFromType,
    RebuildFromNumpy,
    TensorClass,
    ParameterClass,
    /// The type of a storage, part of its persistent id.
    Storage(Option<DType>),
    TorchType(DType),
    /// A constant of torch, such as a layout or a quantization scheme.
    Constant,
    Layout,
    Size,
    Device,
    /// A string that compares as a version.
    Version,
    /// Loads a whole file of torch from bytes: as harmless as the pickles in it.
    LoadFromBytes,
    NumpyScalar,
    NumpyReconstruct,
    NumpyArray,
    NumpyType,
    NumpyFromBuffer,
}

/// What a name is, and what importing it amounts to.
pub(super) fn classify(module: &str, name: &str) -> (Known, Safety) {
    let known = match module {
        "torch._utils" | "torch._tensor" => rebuild(module, name),
        "torch" | "torch.cuda" => torch(module, name),
        "builtins" => builtins(name),
        "collections" => match name {
            "OrderedDict" => Known::OrderedDict,
            "defaultdict" => Known::DefaultDict,
            "Counter" => Known::Counter,
            "deque" => Known::Deque,
            _ => Known::Unknown,
        },
        _ => rest(module, name),
    };
    match known {
        Known::Unknown if danger::is_dangerous(module, name) => (known, Safety::Dangerous),
        Known::Unknown => (known, Safety::UnknownCode),
        _ => (known, Safety::KnownTypes),
    }
}

fn rebuild(module: &str, name: &str) -> Known {
    match (module, name) {
        ("torch._utils", "_rebuild_tensor") => Known::RebuildTensor,
        ("torch._utils", "_rebuild_tensor_v2") => Known::RebuildTensorV2,
        ("torch._utils", "_rebuild_tensor_v3") => Known::RebuildTensorV3,
        ("torch._utils", "_rebuild_parameter") => Known::RebuildParameter,
        ("torch._utils", "_rebuild_parameter_with_state") => Known::RebuildParameterWithState,
        ("torch._utils", "_rebuild_qtensor") => Known::RebuildQuantized,
        ("torch._utils", "_rebuild_sparse_tensor") => Known::RebuildSparse,
        ("torch._utils", "_rebuild_nested_tensor") => Known::RebuildNested,
        ("torch._utils", "_rebuild_meta_tensor_no_storage") => Known::RebuildMeta,
        ("torch._utils", "_rebuild_device_tensor_from_numpy") => Known::RebuildFromNumpy,
        ("torch._tensor", "_rebuild_from_type_v2") => Known::RebuildFromType,
        ("torch._tensor", "Tensor") => Known::TensorClass,
        _ => Known::Unknown,
    }
}

fn torch(module: &str, name: &str) -> Known {
    if let Some(dtype) = DType::from_storage_class(name) {
        return Known::Storage(Some(dtype));
    }
    if let Some(prefix) = name.strip_suffix("Tensor") {
        let old = ["", "Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool"];
        if old.contains(&prefix) {
            return Known::TensorClass;
        }
    }
    if module != "torch" {
        return Known::Unknown;
    }
    if let Some(dtype) = DType::from_name(name) {
        return Known::TorchType(dtype);
    }
    match name {
        "UntypedStorage" => Known::Storage(None),
        "Size" => Known::Size,
        "device" => Known::Device,
        "per_tensor_affine"
        | "per_tensor_symmetric"
        | "per_channel_affine"
        | "per_channel_symmetric"
        | "per_channel_affine_float_qparams"
        | "strided"
        | "sparse_coo"
        | "sparse_csr"
        | "sparse_csc"
        | "sparse_bsr"
        | "sparse_bsc"
        | "jagged"
        | "contiguous_format"
        | "preserve_format"
        | "channels_last"
        | "channels_last_3d" => Known::Constant,
        _ => Known::Unknown,
    }
}

/// Types only: a function of `builtins` is never harmless in a pickle.
fn builtins(name: &str) -> Known {
    match name {
        "set" => Known::Set,
        "frozenset" => Known::FrozenSet,
        "bytes" => Known::Bytes,
        "bytearray" => Known::ByteArray,
        "complex" => Known::Complex,
        "slice" => Known::Slice,
        "range" => Known::Range,
        "object" => Known::ObjectClass,
        "list" => Known::ListClass,
        "dict" => Known::DictClass,
        "tuple" | "int" | "float" | "bool" | "str" => Known::Class,
        _ => Known::Unknown,
    }
}

fn rest(module: &str, name: &str) -> Known {
    match (module, name) {
        ("_codecs", "encode") => Known::Encode,
        ("copyreg", "_reconstructor") => Known::Reconstructor,
        ("pathlib" | "pathlib._local", "PosixPath" | "PurePosixPath" | "Path" | "PurePath") => {
            Known::PosixPath
        }
        ("pathlib" | "pathlib._local", "WindowsPath" | "PureWindowsPath") => Known::WindowsPath,
        ("datetime", "datetime") => Known::DateTime,
        ("datetime", "date") => Known::Date,
        ("datetime", "time") => Known::Time,
        ("datetime", "timedelta") => Known::TimeDelta,
        ("datetime", "timezone") => Known::TimeZone,
        ("uuid", "UUID") => Known::Uuid,
        ("decimal", "Decimal") => Known::Decimal,
        ("fractions", "Fraction") => Known::Fraction,
        ("argparse", "Namespace") | ("types", "SimpleNamespace") => Known::Namespace,
        ("torch.storage", "UntypedStorage") => Known::Storage(None),
        ("torch.storage", "_load_from_bytes") => Known::LoadFromBytes,
        ("torch.serialization", "_get_layout") => Known::Layout,
        ("torch.torch_version", "TorchVersion") => Known::Version,
        ("torch.nn.parameter", "Parameter" | "Buffer") | ("torch.nn", "Parameter") => Known::ParameterClass,
        ("numpy._core.multiarray" | "numpy.core.multiarray", "scalar") => Known::NumpyScalar,
        ("numpy._core.multiarray" | "numpy.core.multiarray", "_reconstruct") => Known::NumpyReconstruct,
        ("numpy._core.numeric" | "numpy.core.numeric", "_frombuffer") => Known::NumpyFromBuffer,
        ("numpy", "ndarray") => Known::NumpyArray,
        ("numpy", "dtype") => Known::NumpyType,
        (
            "numpy",
            "float16" | "float32" | "float64" | "int8" | "int16" | "int32" | "int64" | "uint8" | "uint16"
            | "uint32" | "uint64" | "bool_" | "str_" | "bytes_" | "complex64" | "complex128",
        ) => Known::Class,
        _ => Known::Unknown,
    }
}
